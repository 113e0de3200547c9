"""Means against forgetting."""
