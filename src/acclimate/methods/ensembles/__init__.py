"""The ensembles family."""
