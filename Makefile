# `make run` and `make test` do all of their own set-up; nothing but Python 3.11 is needed first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

# Some images forbid Python to keep what it compiled; every process here would then compile Django anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check bench format clean

help:
	@echo "make run    set up and bring the whole studio up"
	@echo "make test   set up and run every test, the browser's too"
	@echo "make check  lint, types, layers, migrations"
	@echo "make bench  print the figures beside their baselines"

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on PATH. Install Python 3.11, or name yours: make PYTHON=python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

$(VENV)/.run-ready: requirements.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@touch $@

$(VENV)/.dev-ready: requirements.txt requirements-dev.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt
	@touch $@ $(VENV)/.run-ready

run: $(VENV)/.run-ready
	@exec $(BIN)/python manage.py up

test: $(VENV)/.dev-ready
	@.ci/system-packages
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not e2e"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m e2e
endif

check: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/mypy

bench: $(VENV)/.dev-ready
	$(BIN)/python -m tests.bench

format: $(VENV)/.dev-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet

clean:
	rm -rf $(VENV) staticfiles .mypy_cache .ruff_cache
