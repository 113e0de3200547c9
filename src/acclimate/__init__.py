"""Every way to adapt a language model to a domain, measured on one locked test."""

__version__ = "0.1.0"
