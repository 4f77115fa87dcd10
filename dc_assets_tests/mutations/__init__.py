"""Five faults put into the product on purpose, each with the test that has to see it."""
