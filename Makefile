# Watchword. `make` alone lists what it can do.
#
# Everything lives in .venv, made from the locked and hashed files in requirements/. Nothing needs
# root. Another Python: make PYTHON=python3.12 … (only when .venv is not there yet).

PYTHON ?= python3
ARGS ?=
# One more than there are cores, for some tests wait more than they compute.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

BIN := .venv/bin
# Versions come from the lock alone, so pip's advice about itself and its cache is noise (-qq keeps errors).
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
UV_VERSION := 0.13.8
LINTED := src tests examples deploy $(wildcard bench)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve cluster test check bench install format lock clean
MAKEFLAGS += --no-print-directory

help: ## list what make can do
	@echo "make <target> [ARGS=\"…\"]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1@\2/p' Makefile | while IFS=@ read -r name text; do \
		printf '  %-9s %s\n' $$name "$$text"; done

serve: .venv/.serve ## set up what is missing and serve on http://localhost:8000 (ARGS="--port 9000")
	@exec $(BIN)/watchword serve $(ARGS)

cluster: .venv/.serve ## three nodes, PostgreSQL and nginx on this machine (ARGS="--nodes 5")
	@exec $(BIN)/python -m deploy.cluster $(ARGS)

test: .venv/.dev ## run every test, in random order, with the coverage gate (ARGS="-x" and the like)
	@$(BIN)/pytest -n $(WORKERS) --cov --cov-report=term $(ARGS)

check: .venv/.dev ## what must hold before a change merges: format, lint, types, storeys
	@$(BIN)/ruff format --check . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary $(LINTED)
	@told=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$told"; exit 1; }
	@echo "Format, lint, types and storeys hold."

bench: .venv/.dev ## measure, as ratios in one run: a table, and JSON beside it
	@$(BIN)/python -m bench $(ARGS)

install: .venv/.dev ## set up .venv with everything for development, start nothing

format: .venv/.dev ## rewrite the code in the one format, with ruff's safe fixes
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .

lock: .venv/.made ## rewrite the lock files from pyproject.toml (ARGS="--upgrade": to the newest versions)
	@$(PIP) install 'uv==$(UV_VERSION)'
	@$(LOCK) --group dev pyproject.toml -o requirements/dev.txt
	@$(LOCK) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt
	@$(LOCK) --group build -c requirements/dev.txt -o requirements/build.txt
	@! grep -nE '://|^-|(^|[^/])/[a-z]+/' requirements/*.txt # a lock names no host and no path

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" $(ARGS)

clean: ## remove what can be made again (never watchword-data)
	@rm -rf build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache .venv/.serve .venv/.dev
	@find src tests examples deploy $(wildcard bench) -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: each is newer than the files it was made from, so a second call does nothing.
.venv/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else \
		"Watchword needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12" % v)'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.serve: .venv/.made pyproject.toml requirements/runtime.txt requirements/build.txt
	@echo "Setting up .venv (needed once) …"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.made pyproject.toml requirements/dev.txt
	@echo "Setting up .venv for development (needed once) …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch .venv/.serve $@
