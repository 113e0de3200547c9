"""The likelihood family."""
