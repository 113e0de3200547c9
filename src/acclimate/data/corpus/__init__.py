"""Raw text of any kind to clean, split documents."""
