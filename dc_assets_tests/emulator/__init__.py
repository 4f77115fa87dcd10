"""Tests of the emulator: a real server in a child process, driven over loopback."""
