"""Tests that start engines beside us: a broker, workers of Celery on hosts of their own."""
