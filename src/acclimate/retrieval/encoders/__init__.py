"""Encoders of texts and prompts into vectors."""
