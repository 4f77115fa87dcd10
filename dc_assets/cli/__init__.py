"""The command `dc-assets`: parses, calls, prints."""
