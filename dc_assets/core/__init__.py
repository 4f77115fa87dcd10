"""Pure rules on scalars and tables: no I/O, no clock, no randomness."""
