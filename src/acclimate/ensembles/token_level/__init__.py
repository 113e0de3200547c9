"""Combined at every token, phrase or byte."""
