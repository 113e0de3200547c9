"""Reward models and PPO."""
