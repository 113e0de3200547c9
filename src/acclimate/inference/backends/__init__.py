"""Other engines behind the same Model."""
