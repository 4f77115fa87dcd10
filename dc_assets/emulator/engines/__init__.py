"""What the emulator computes: SOQL, the Data Cloud dialect, and ingest."""
