"""The HTTP server: systems, feedback, and a page for people."""
