"""Documents as packed tokens on the disk."""
