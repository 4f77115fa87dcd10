"""Everything that knows Dagster: partitions, resources, assets, checks, sensors."""
