"""Networks with fresh weights: sizes, building, induction heads."""
