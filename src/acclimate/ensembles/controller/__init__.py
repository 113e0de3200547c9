"""Combined by a learned policy (SAC)."""
