"""Preference pairs, reward models, best-of-n and PPO."""
