"""Rows of CSV, JSONL, JSON and Parquet files, and the six formats they come in."""
