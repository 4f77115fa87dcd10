"""What an org or a tenant may answer, call by call, and what the product says and does then."""
