"""Tests of the adapters to durable state."""
