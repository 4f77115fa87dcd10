"""Connects the adapters for a run, from the settings. Needs no Dagster."""
