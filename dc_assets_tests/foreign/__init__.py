"""Clients that nobody here wrote, against the emulated org."""
