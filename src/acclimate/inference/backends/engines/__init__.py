"""External engines, a file each."""
