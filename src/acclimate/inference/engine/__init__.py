"""Continuous batching: engine, scheduler, requests, batches, prefix cache."""
