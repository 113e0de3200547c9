"""What lies on the disk: artifacts, saved models, atomic writes, SQLite."""
