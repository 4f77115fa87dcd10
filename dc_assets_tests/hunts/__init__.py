"""Hunts: long programs that try to break an invariant, and judge by what the org saw."""
