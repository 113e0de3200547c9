"""Who does the work: threads or processes."""
