"""Who does the work of requests: threads of this process, or other processes."""
