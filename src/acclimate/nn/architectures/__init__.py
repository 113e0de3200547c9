"""Networks from scratch."""
