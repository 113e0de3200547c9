"""Tokenizers: trained on raw text, saved, counted, and asked what they lose."""
