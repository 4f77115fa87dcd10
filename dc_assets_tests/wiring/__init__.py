"""Tests of what connects the adapters."""
