"""Methods: one file each, one folder a family."""
