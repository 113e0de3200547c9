"""The vocabulary family."""
