"""Ways to get a Model: one file each."""
