"""Who goes on to the test."""
