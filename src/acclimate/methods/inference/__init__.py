"""Answer faster."""
