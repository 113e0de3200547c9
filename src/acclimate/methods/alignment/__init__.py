"""The alignment family."""
