"""The tuning family."""
