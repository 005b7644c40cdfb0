# Needs python3 (3.11 or later) and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DRIVER := $(VENV)/.browser
KERNEL := $(VENV)/.notebooks
# Twice quiet: warnings about a machine's own pip settings are not ours to show; errors are.
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
WORKERS ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help check test test-browser notebooks notebooks-check lint format campaign pages tables pins clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-16s %s\n", $$1, $$2 }'

check: $(STAMP) ## check the whole theorem library
	@$(BIN)/theorycheck check --instances 200

test: lint ## lint, then every test and doctest
	@$(BIN)/python -m pytest --quiet --numprocesses $(WORKERS) --dist worksteal

test-browser: $(STAMP) $(DRIVER) ## open the report in a headless Chromium (Debian: apt-get install chromium)
	@THEORYCHECK_BROWSER=required $(BIN)/python -m pytest --quiet tests/browser

notebooks: $(STAMP) $(KERNEL) ## execute every notebook and write it
	@$(BIN)/python notebooks/build.py

notebooks-check: $(STAMP) $(KERNEL) ## execute every notebook; fail on an error or a notebook that is not that of its source
	@$(BIN)/python notebooks/build.py --check

lint: $(STAMP) ## ruff (lint and format) and mypy
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary

format: $(STAMP) ## format, and mend what ruff can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

campaign: $(STAMP) ## the long run: every theorem on 100,000 instances, every falsehood, 30 seeds (hours)
	@$(BIN)/python benchmarks/campaign.py

pages: $(STAMP) ## write the generated pages of docs/
	@$(BIN)/python docs/pages.py

tables: $(STAMP) ## write the tables of docs/ that take a while: which premises are needed, how tight constants are
	@$(BIN)/python docs/tables.py

# New pins remake the environment from nothing; new metadata of the package only installs the package again.
$(VENV)/.pinned: requirements.txt
	@echo "making $(VENV) (a minute or so)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --requirement requirements.txt
	@touch $@

$(STAMP): $(VENV)/.pinned pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@echo "compiling kernels (a minute or so)"
	@$(BIN)/python -m theorycheck.dynamics.compiling
	@touch $@

# The driver of the browser alone: large, and nothing else needs it.
$(DRIVER): $(VENV)/.pinned requirements-browser.txt
	@$(PIP) install --requirement requirements-browser.txt
	@touch $@

$(KERNEL): $(VENV)/.pinned requirements-notebooks.txt
	@$(PIP) install --requirement requirements-notebooks.txt
	@touch $@

pins: ## resolve the dependencies anew into requirements.txt
	@rm -rf build/pins
	@$(PYTHON) -m venv build/pins
	@build/pins/bin/python -m pip --quiet --quiet --disable-pip-version-check install '.[test]'
	@build/pins/bin/python -m pip freeze --exclude theorycheck > requirements.txt
	@rm -rf build/pins

clean: ## remove the environment and every cache
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .theorycheck
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
