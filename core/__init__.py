"""Nouns and numbers: no files, no words, no hidden randomness."""
