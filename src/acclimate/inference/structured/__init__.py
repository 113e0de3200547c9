"""Structured output: choice, regex and JSON schema as token masks."""
