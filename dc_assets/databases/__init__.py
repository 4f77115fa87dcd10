"""The source: a table or a query of any SQL database whose order of keys is proved."""
