"""HTML pages, plots and texts about plans and loads."""
