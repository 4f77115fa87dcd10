"""Adapters to durable state: the ledger database, receipts, spool and clocks."""
