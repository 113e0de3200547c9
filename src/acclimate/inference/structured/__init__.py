"""Choice, regex, JSON schema as token masks."""
