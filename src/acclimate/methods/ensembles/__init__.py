"""Ask several."""
