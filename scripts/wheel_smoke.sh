#!/bin/sh
# Builds sdist and wheel as a release would, installs the wheel alone into a clean environment and uses it from
# elsewhere: what only works in an editable install (a package or data file missing from the lists) fails here.
set -eu
cd "$(dirname "$0")/.."
python=$(pwd)/${VENV:-.venv}/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

rm -rf build # left-overs there would ship deleted modules
"$python" -m build --outdir "$work/dist" . >"$work/build.log" 2>&1 || {
    tail -40 "$work/build.log" >&2
    exit 1
}
rm -rf build
"$python" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$work"/dist/*.whl

cd "$work"
PATH=$work/env/bin:$PATH
unset PYTHONPATH PYTHONHOME
spatialgen --help >help.txt
python -m spatialgen --version
spatialgen templates check
spatialgen synth rooms --format scannet --scenes 1 --seed 1 --frames 8
spatialgen run depth_comparison depth_estimation --scenes rooms --out rows --per-scene 6 --workers 1 --frames every:1
test -f rows/_SUCCESS
python - <<'PY'
import glob
import pyarrow.parquet as pq

rows = [row for file in glob.glob("rows/data/*/*.parquet") for row in pq.read_table(file).to_pylist()]
assert {row["task"] for row in rows} == {"depth_comparison", "depth_estimation"}, rows
assert all(image["bytes"] for row in rows for image in row["images"])
print(f"wheel smoke test: {len(rows)} rows from the installed wheel")
PY
