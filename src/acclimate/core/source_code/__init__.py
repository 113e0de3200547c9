"""Source files as data: digests, import closures, libraries, what is running."""
