"""Pure column work in Polars: canon, CSV, lanes, settling, differences."""
