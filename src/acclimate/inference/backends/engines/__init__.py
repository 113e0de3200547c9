"""Faster engines, a file each."""
