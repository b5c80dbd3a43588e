"""Writers of tiny datasets, independent of the package: what the readers are proved against."""
