"""From logits to tokens: sampling, and acceptance of drafted tokens."""
