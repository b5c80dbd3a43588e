# `make demo`, `make test` and `make check` each make what they need from nothing (see scripts/setup.sh).

VENV ?= .venv
export VENV
PY := $(VENV)/bin/python
# A process for each core; a file's tests stay together, for they share what is costly to make.
PYTEST := $(PY) -m pytest -n auto --dist loadfile

.PHONY: help demo test check fix lint imports types kernels slow wheel env env-test env-dev clean
.NOTPARALLEL:

help:
	@echo "make demo    synthetic rooms -> questions -> three rows and a contact sheet, in demo/"
	@echo "make test    the tests that take seconds (under 8 minutes in all)"
	@echo "make check   what CI runs: those, lint, import order, types, wheel, kernels uncompiled, slow tests"
	@echo "make fix     formats and repairs what the linter can"
	@echo "make clean   removes what these made, except the environment"

demo: env
	$(PY) -m spatialgen demo --out demo

test: env-test
	$(PYTEST) -m "not slow"

check: env-dev test lint imports types wheel kernels slow

lint: env-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

imports: env-dev
	$(PY) -c "from importlinter.cli import lint_imports_command as run; run()"

types: env-dev
	sh scripts/types.sh

wheel: env-dev
	sh scripts/wheel_smoke.sh

# The same kernels as plain Python: what the compiler hides (an index out of range, an integer overflow) shows.
kernels: env-test
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m "kernel and not slow"

slow: env-test
	$(PYTEST) -m slow

fix: env-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

env:
	@sh scripts/setup.sh run

env-test:
	@sh scripts/setup.sh test

env-dev:
	@sh scripts/setup.sh dev

clean:
	rm -rf build dist demo out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
