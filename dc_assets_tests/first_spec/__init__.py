"""Tests of proposing a first spec."""
