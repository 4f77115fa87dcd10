"""TODO-DOC pages."""
