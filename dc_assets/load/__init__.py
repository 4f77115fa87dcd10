"""The way of a row, one module a step, and the ports those steps need."""
