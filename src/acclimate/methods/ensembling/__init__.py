"""The ensembling family."""
