"""Finding passages: lexical, dense, fused."""
