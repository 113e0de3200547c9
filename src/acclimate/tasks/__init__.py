"""Sources of a Domain: one file each."""
