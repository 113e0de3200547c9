"""Speculative decoding: draft models, prompt lookup and their timing."""
