"""Passages found by words, vectors or both, and the model that reads them."""
