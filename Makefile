# Every target does all its own set-up: a machine needs Python 3.11 or newer, make, and a package index.
PYTHON ?= python3
PYTHONS := 3.11 3.12 3.13 3.14
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
# More than cores: the tests wait for processes and time limits half of the time.
WORKERS ?= 4
DAYS ?= 1 31 200
# Real Meltano has its own processes, which no preloaded clock shifts.
NO_DATES := tests/end_to_end tests/messages/test_outputs.py
MANY_WORKERS := tests/target_stripe_flow/test_many_workers.py
LOCK := requirements-dev.lock
NODE_MODULES := tests/browser/node_modules
VENV_SCALE := .venv-scale
LOCK_SCALE := requirements-scale.lock

# A company's own certificate is in the system's store only. uv reads that when told so; a pip of before 24.2 and npm take
# its file, where nothing else is configured.
export UV_SYSTEM_CERTS ?= true
SYSTEM_CERTS := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem))
ifneq ($(SYSTEM_CERTS),)
export NODE_EXTRA_CA_CERTS ?= $(SYSTEM_CERTS)
ifeq ($(shell $(PYTHON) -m pip config get global.cert 2>/dev/null),)
export PIP_CERT ?= $(SYSTEM_CERTS)
endif
endif

# A key or a connection of the person's own must never leak into the tests.
CLEAN_ENV := env -u STRIPE_API_KEY -u STRIPE_EU_API_KEY
IN_PARALLEL := --numprocesses $(WORKERS) --dist worksteal
PYTEST := $(CLEAN_ENV) $(BIN)/python -m pytest $(IN_PARALLEL)

.PHONY: help setup demo docs run-docs test test-volume test-all test-dates test-scale judge-tap judge-official torture torture-tap torture-target torture-workers check bench dist lock clean

help:  ## show what there is to make
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /: /' | sort

setup: $(VENV)/.ready  ## make the virtual environment .venv

$(VENV)/.ready: pyproject.toml $(LOCK)
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11 or newer, or make PYTHON=/path/to/it" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/a/newer/one" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip --quiet --disable-pip-version-check install uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(LOCK)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup  ## run both flows through Meltano against the sandbox (LIVE_TEST=1: against Stripe, with a test key)
	@$(BIN)/python scripts/demo.py

test: setup  ## run every test with a few of its cases: 8 minutes
	$(PYTEST) $(ARGS)

test-volume: setup $(if $(shell command -v npm),$(NODE_MODULES)/.ready)  ## run what `make test` leaves out: all other cases, Meltano, kills, browsers
	$(PYTEST) --volume only $(ARGS)

test-all: test test-volume  ## run all tests

test-dates: setup  ## run what `make test` runs with the date shifted by DAYS="1 31 200"
	for days in $(DAYS); do \
	  $(CLEAN_ENV) $(BIN)/python -m tests.support.clock_shift $$days $(BIN)/python -m pytest $(IN_PARALLEL) \
	    $(NO_DATES:%=--ignore=%) $(ARGS) || exit 1; \
	done

# What drives a browser over the report; without npm its tests are skipped, and say so.
$(NODE_MODULES)/.ready: tests/browser/package-lock.json
	cd tests/browser && npm ci --no-audit --no-fund
	@touch $@

test-scale: setup $(VENV_SCALE)/.ready  ## run the DAGs in a real Airflow (an environment of its own)
	$(CLEAN_ENV) AIRFLOW_BIN=$(abspath $(VENV_SCALE))/bin/airflow $(BIN)/python -m pytest tests/scale --volume with --numprocesses 2 --dist loadfile $(ARGS)

$(VENV_SCALE)/.ready: $(LOCK_SCALE) $(VENV)/.ready
	@test -x $(VENV_SCALE)/bin/python || $(PYTHON) -m venv $(VENV_SCALE)
	$(BIN)/uv pip sync --quiet --python $(VENV_SCALE)/bin/python --require-hashes $(LOCK_SCALE)
	@touch $@

judge-tap: setup  ## let tap-stripe, in an environment of its own, read the sandbox (needs the package index once)
	$(CLEAN_ENV) $(BIN)/python -m tests.stripe_flow_sandbox.judge_tap_stripe

judge-official: setup  ## let the official client page through 100,000 charges of the sandbox (two minutes)
	$(CLEAN_ENV) $(BIN)/python -m tests.stripe_flow_sandbox.judge_official

torture: torture-tap torture-target torture-workers  ## kill the tap 500 times and the target 1,000 times (an hour)

torture-tap: setup  ## kill the tap 500 times and judge what it wrote
	$(CLEAN_ENV) $(BIN)/python -m tests.kills.tap $(ARGS)

torture-target: setup  ## kill the target 1,000 times, under faults: each action, way of charging, database and point
	$(CLEAN_ENV) $(BIN)/python -m tests.kills.target $(ARGS)

torture-workers: setup  ## kill four targets that share one PostgreSQL journal
	$(CLEAN_ENV) $(BIN)/python -m pytest --volume with $(MANY_WORKERS)

check: setup  ## lint, format, spell- and type-check, for each Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/codespell --ignore-words tests/mistyped.txt tests
	for version in $(PYTHONS); do $(BIN)/mypy --python-version $$version || exit 1; done
	$(BIN)/hadolint orchestrate/Dockerfile

docs: setup  ## build the pages of docs/ into site/; a dead link or anchor fails
	$(BIN)/properdocs build --strict

run-docs: setup  ## run the commands of the README and the quick start as written, in fresh copies with empty homes
	$(CLEAN_ENV) $(BIN)/python -m scripts.run_docs

bench: setup  ## measure, as ratios against a plain baseline in the same run
	$(BIN)/python -m tests.benchmarks

dist: setup  ## build sdist and wheel, and try the wheel by itself on the Python that PYTHON names
	$(CLEAN_ENV) $(BIN)/python -m scripts.dist --python $(PYTHON) $(ARGS)

lock:  ## write the lock file anew (needs the package index)
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra postgres --extra report --extra sandbox --group dev --output-file $(LOCK) pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra postgres --output-file requirements.lock pyproject.toml
	echo 'apache-airflow[celery,postgres]>=3.3,<4' | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --output-file $(LOCK_SCALE) -

clean:  ## remove what make made
	rm -rf site $(VENV) $(VENV_SCALE) $(NODE_MODULES) .venv-judge .meltano .mypy_cache .pytest_cache .ruff_cache dist output/*
