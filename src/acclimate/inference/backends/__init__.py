"""External engines behind the same Model."""
