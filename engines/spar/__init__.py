"""SPAR: depth, distance, relations, cross-view and video questions about marked objects (arXiv 2503.22976)."""
