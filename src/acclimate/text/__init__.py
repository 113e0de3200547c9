"""Text before it is tokens: layouts, chunks, near-duplicates, worked examples."""
