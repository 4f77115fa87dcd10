"""One suite for each kind of ledger."""
