"""Tensor maths; plain numbers in."""
