"""Ask a model a task's items and score it: scores, latency, control set, parity."""
