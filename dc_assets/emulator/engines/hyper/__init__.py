"""What Hyper, the engine of Data Cloud, takes of a query, and what it says of the others."""
