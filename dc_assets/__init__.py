"""Moves millions of records from Salesforce Data Cloud to Salesforce Core and proves it."""
