"""Column work, mostly on invented rows."""
