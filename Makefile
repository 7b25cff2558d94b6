VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo test lint types imports check chaos bench format clean

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# Plan and apply an example against the built-in emulator, then show that nothing is left to do.
demo: $(VENV)/.installed
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/demo.sh

# Everything that must hold before a change lands.
test: lint types imports check

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy

imports: $(VENV)/.developing
	$(BIN)/lint-imports

check: $(VENV)/.developing
	$(BIN)/python -m pytest -n auto

# The tests that kill, break and repeat at random, for as long as their environment variables say.
chaos: $(VENV)/.developing
	CHAOS=$${CHAOS:-20} $(BIN)/python -m pytest -m chaos -s

# How fast it is; prints, and asserts nothing.
bench: $(VENV)/.developing
	$(BIN)/python benchmarks/emulator_load.py

format: $(VENV)/.developing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
