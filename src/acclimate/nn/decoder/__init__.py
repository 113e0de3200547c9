"""The fast forward pass of Llama-like networks, and its KV cache."""
