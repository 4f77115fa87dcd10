"""Examines a set-up from the settings to the last query of a load, and changes nothing."""
