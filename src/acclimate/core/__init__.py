"""The nouns: what a model, a method, an item and a row are."""
