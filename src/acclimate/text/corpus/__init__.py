"""From folders of raw text to clean documents and shards of tokens."""
