-- The ledger has a database of its own: Dagster's has tables of the same names.
CREATE DATABASE ledger OWNER dagster;
