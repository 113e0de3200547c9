"""From a user's bytes to items, documents and prompts."""
