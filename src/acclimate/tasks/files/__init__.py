"""The files family."""
