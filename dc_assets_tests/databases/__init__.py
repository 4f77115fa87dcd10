"""Tests of Parquet and CSV files as a source."""
