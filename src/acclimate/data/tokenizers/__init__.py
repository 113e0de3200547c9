"""Tokenizers trained, saved and compared; chat templates and special tokens."""
