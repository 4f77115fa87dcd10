"""Whole-process tests: the program as a user starts it, against an emulated org."""
