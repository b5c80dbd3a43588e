"""Rows on disk: their columns, shards, pixels and marks, the finished dataset, its card and its contact sheets.

Modules are imported by name (``from spatialgen.dataset import images, markers``): ``schema`` has the columns,
``check`` the rules of a row, ``shards`` and ``finalise`` write, ``read`` reads, ``images`` and ``markers`` make pixels,
``materialise`` turns references into pixels and back, ``card`` and ``sheet`` make what people look at.
"""
