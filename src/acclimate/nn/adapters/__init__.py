"""What is put into a network: low rank, bottleneck, prefix, value head, routing."""
