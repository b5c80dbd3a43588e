"""MultiSPA: depth, camera movement, correspondence, objects, motion (arXiv 2505.17015)."""
