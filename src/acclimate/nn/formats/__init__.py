"""Other engines' files."""
