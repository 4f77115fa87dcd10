"""Tests of notifications: real servers on 127.0.0.1, and processes that are killed."""
