# Nothing but Python 3.11+ and make is needed: everything else goes into $(VENV).
# pip's own settings (PIP_INDEX_URL, pip.conf, …) are respected.
#
#   make demo                        the simulated estate, on http://127.0.0.1:9180
#   make test                        every check; VENV=/tmp/v or PYTHON=python3.12 if you like
#   make check                       the fast ones, while you work
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV ?= .venv
ARGS ?=
PYTEST_ARGS ?= -n auto --maxprocesses 8
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# pip takes what the files say and resolves nothing. Left to resolve, a pip before 23.3 looks for
# `coverage[toml]` apart from the pinned `coverage`, finds a newer one, and refuses it for want of a
# hash. A source archive would be built with whatever build tools are the newest: wheels only.
PINNED := $(PIP) install -q --no-warn-script-location \
  --require-hashes --no-deps --only-binary :all:

# An environment whose interpreter is gone (upgraded, moved) counts as absent.
ifneq ($(wildcard $(VENV)/.created),)
ifneq ($(shell $(BIN)/python -c 'print("runs")' 2>/dev/null),runs)
$(shell rm -f $(VENV)/.created)
endif
endif

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(VENV)/.runtime ## Run the simulated estate; ARGS="--listen 127.0.0.1:9181" for another port
	@$(BIN)/carbon-exporter demo $(ARGS)

.PHONY: demo-stack
demo-stack: $(VENV)/.runtime ## Run the demo with a week of history, Prometheus, its rules and Alertmanager
	@$(BIN)/python -m tools.demo_stack $(ARGS)

# One after the other, and all of them, whatever fails; it fails at the end then.
EACH = --no-print-directory --keep-going

.PHONY: check
check: $(VENV)/.dev ## Format, style, types, layers and the fast tests: about a minute
	@$(MAKE) $(EACH) lint tests-fast

.PHONY: test
test: $(VENV)/.dev witnesses ## Run every check, all tests last; fails if any failed
	@$(MAKE) $(EACH) lint drift tests

.PHONY: test-all
test-all: $(VENV)/.dev witnesses ## Also tests that are marked slow, and the installs (needs the network)
	@$(MAKE) $(EACH) lint drift test-installs tests-all

# What a change to the domain most often breaks. Left out are the tests that simulate days and weeks.
FAST = tests/core tests/data tests/http tests/advice tests/power tests/settings tests/exposition tests/grids \
  tests/engine --ignore=tests/engine/test_any_sequence.py \
  --ignore=tests/engine/test_clock_steps.py --ignore=tests/engine/test_truth.py

.PHONY: tests-fast tests tests-all
tests-fast: $(VENV)/.dev
	@$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not slow" -q $(FAST)
tests: $(VENV)/.dev
	@$(BIN)/python -m pytest $(PYTEST_ARGS) -m "not slow"
tests-all: $(VENV)/.dev
	@$(BIN)/python -m pytest $(PYTEST_ARGS) --hypothesis-profile=thorough --cov --cov-report=term

.PHONY: witnesses
witnesses:
	@command -v promtool >/dev/null 2>&1 || echo "promtool is not installed: the tests that ask" \
	  "Prometheus' own parser are skipped. Debian and Ubuntu: apt install prometheus"
	@command -v amtool >/dev/null 2>&1 || echo "amtool is not installed: Alertmanager's" \
	  "configuration is not checked. Debian and Ubuntu: apt install prometheus-alertmanager"

.PHONY: lint
lint: ruff mypy layers ## Style, types and layer rules

.PHONY: ruff
ruff: $(VENV)/.dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

.PHONY: mypy
mypy: $(VENV)/.dev
	@$(BIN)/mypy

.PHONY: layers
layers: $(VENV)/.dev
	@$(BIN)/lint-imports

.PHONY: drift
drift: $(VENV)/.dev ## Are the generated pages and dashboards those of the code?
	@failed=""; \
	for page in docs/build/*.py; do $(BIN)/python "$$page" --check || failed=1; done; \
	$(BIN)/python -m dashboards.build --check || failed=1; \
	test -z "$$failed"

.PHONY: docs
docs: $(VENV)/.dev ## Write the generated reference pages
	@set -e; for page in docs/build/*.py; do $(BIN)/python "$$page"; done

.PHONY: dashboards
dashboards: $(VENV)/.dev ## Write boards, rules and manifests; ARGS="--output DIR …" for a place of yours
	@$(BIN)/python -m dashboards.build $(ARGS)

.PHONY: format
format: $(VENV)/.dev ## Let ruff format and fix what it can
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: requirements
requirements: ## Pin the requirements again (needs uv); UPGRADE=1 takes the newest versions
	@command -v uv >/dev/null || { echo "uv is needed to pin: pip install uv" >&2; exit 1; }
	@$(PIN) --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(PIN) --all-extras -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	@$(BUILD_REQUIRES) | $(PIN) -c requirements/dev.txt - -o requirements/build.txt
	@for file in requirements/*.txt; do \
	  { echo "# Made by 'make requirements' from pyproject.toml."; cat "$$file"; } >"$$file.new" && \
	  mv "$$file.new" "$$file"; done

# Every file is a complete closure for any Python from 3.11 on, with the extras that its packages
# ask of each other spelled, so that it installs with --no-deps.
PIN = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras \
  --no-emit-index-url --no-header --no-annotate $(if $(UPGRADE),--upgrade)
# The build backend, and what it needs on top for an editable install.
BUILD_REQUIRES = uv run --no-project --python '>=3.11' python -c 'import tomllib; \
  system = tomllib.load(open("pyproject.toml", "rb"))["build-system"]; \
  print(*system["requires"], "editables", sep="\n")'

.PHONY: test-installs
test-installs: ## Install with old and new pips, some pins aged (needs the network and some minutes)
	@python=$$(PYTHON='$(PYTHON)' .ci/python) && "$$python" tools/installs.py $(ARGS)

.PHONY: clean
clean: ## Delete the environment, caches and build results
	rm -rf $(VENV) .demo-stack build dist .coverage .coverage.* htmlcov .hypothesis \
	  .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written after its step succeeded: an interrupted install is done again.
$(VENV)/.created:
	@python=$$(PYTHON='$(PYTHON)' .ci/python) || exit 1; \
	echo "Making $(VENV) with $$python ($$("$$python" --version 2>&1))"; \
	"$$python" -m venv --clear $(VENV) && touch $@

$(VENV)/.runtime: $(VENV)/.created requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Installing carbon-exporter and its dependencies (a minute or two the first time)"
	@$(PINNED) -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing what the checks need"
	@$(PINNED) -r requirements/dev.txt
	@touch $@
