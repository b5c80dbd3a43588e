"""``python -m spatialgen``."""

from spatialgen.cli import main

if __name__ == "__main__":
    main()
