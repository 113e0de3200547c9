"""Rewriters of prompts: demonstrations, instruction, reasoning."""
