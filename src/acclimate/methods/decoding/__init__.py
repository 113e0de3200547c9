"""Answering faster with the same weights."""
