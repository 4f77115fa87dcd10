"""An org in virtual time, and the ways to write into it: what a load would take, without an org."""
