"""What is known of a load before its first row, by what both sides say of it."""
