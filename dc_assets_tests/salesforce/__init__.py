"""Adapters, fed with answers."""
