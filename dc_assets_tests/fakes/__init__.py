"""Doubles of the ports: classes with names."""
