"""TODO-DOC wiring."""
