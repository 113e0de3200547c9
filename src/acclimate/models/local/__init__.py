"""The local family."""
