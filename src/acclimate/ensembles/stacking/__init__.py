"""Combined by a learned classifier."""
