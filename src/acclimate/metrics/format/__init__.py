"""The format family."""
