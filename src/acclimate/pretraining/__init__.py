"""Pretraining from raw text to a trained network."""
