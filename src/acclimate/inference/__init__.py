"""Local networks as models: generation, sampling, scoring, external engines."""
