"""Prompt rewriters: demonstrations, instructions, chain of thought."""
