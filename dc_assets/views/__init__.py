"""Read-only views of the ledger: how loads and partitions stand. Nothing here writes to it."""
