"""`python -m dc_assets.demo`: an emulated org and a private Dagster, loaded and proved."""
