"""Response caching, by exact prompt or by similarity (a semantic cache)."""
