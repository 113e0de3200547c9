"""Answers kept and given again, by key or by similarity."""
