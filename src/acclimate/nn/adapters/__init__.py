"""Adapters in a network: low rank, bottleneck, prefix, value head, routing."""
