"""Raw text to a trained network."""
