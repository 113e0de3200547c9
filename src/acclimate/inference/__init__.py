"""A local network as a Model."""
