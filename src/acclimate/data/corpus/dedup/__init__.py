"""MinHash signatures and duplicate groups."""
