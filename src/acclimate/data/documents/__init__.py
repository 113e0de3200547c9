"""Folders of Markdown, HTML and text; sections; chunks."""
