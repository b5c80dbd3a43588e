#!/bin/sh
# mypy --strict over the package. The repository root is the package, whatever the clone's folder is called, so
# mypy looks at it through a link of the right name.
set -eu
cd "$(dirname "$0")/.."
python=$(pwd)/${VENV:-.venv}/bin/python
mkdir -p .mypy_cache/root
ln -sfn ../.. .mypy_cache/root/spatialgen
cd .mypy_cache/root
exec "$python" -m mypy --config-file spatialgen/pyproject.toml --cache-dir .. "$@"
