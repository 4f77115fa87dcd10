"""Real processes that are forked from a warm one: a start costs no imports."""
