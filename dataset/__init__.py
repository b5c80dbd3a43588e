"""Rows on disk: their columns, shards, pixels and marks, the finished dataset, its card and its contact sheets.

Modules are imported by name (``from spatialgen.dataset import images, markers``): ``schema`` the columns, ``check`` the
rules of a row, ``shards`` and ``finalise`` writing, ``read`` reading, ``images`` and ``markers`` pixels, ``materialise``
references to pixels and back, ``card`` and ``sheet`` what people look at.
"""
