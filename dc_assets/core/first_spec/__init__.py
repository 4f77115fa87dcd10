"""Proposes the first spec of a load from what both sides say of themselves; it asks nobody."""
