"""The retrieval family."""
