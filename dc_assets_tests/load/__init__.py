"""The way of a row, between fakes."""
