"""Retrieval of passages by words, vectors or both, and the RAG model."""
