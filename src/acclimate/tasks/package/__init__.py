"""The package family."""
