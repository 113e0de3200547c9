"""Networks and their parts: architectures, adapters, decoder, quantization."""
