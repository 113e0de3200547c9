"""Installed Python packages as text: docstrings, public objects, pages."""
