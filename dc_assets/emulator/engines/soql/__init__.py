"""The query language of the org: its grammar, its rules, and its way into the store."""
