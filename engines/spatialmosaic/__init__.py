"""SpatialMosaic: partial visibility, occlusion and little overlap between frames (arXiv 2512.23365)."""
