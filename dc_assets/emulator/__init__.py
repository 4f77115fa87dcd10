"""A small Salesforce org and Data Cloud tenant on loopback: its own world, shares no code."""
