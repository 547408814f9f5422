# Every command of the project. `make` lists them.

# The deployed function runs on 3.11; what is newer will do. Override with PYTHON=...
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

VENV := .venv
# Many tests wait for a server or a clock: one more of them at once than there are cores. Each has emulators of its own.
PYTEST_ARGS ?= -n 3 --dist worksteal
IN_VENV := $(VENV)/bin/python
INSTALLED := $(VENV)/installed-requirements.txt

# Options reach the commands through the environment, so that no shell reads what they contain.
export DATA DATE OUT ROWS ROUNDS SEED SHORT

.DEFAULT_GOAL := help
.PHONY: help demo stack test check test-long lint bench bench-batch bench-lock bench-cold-start faults season guards audit conformance \
	lock-requirements clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer on the PATH: install one, or say which:" \
		"make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@cat requirements-dev.txt pyproject.toml | cmp -s - $@ || { \
		echo "Installing the pinned requirements into $(VENV) (once, about a minute)" && \
		{ "$(PYTHON)" -m venv $(VENV) || { echo "make: $(PYTHON) cannot create $(VENV): install its venv module" \
			"(Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; } && \
		$(IN_VENV) -m pip install --quiet --disable-pip-version-check --no-input --requirement requirements-dev.txt && \
		$(IN_VENV) -m pip install --quiet --disable-pip-version-check --no-input --no-deps --editable .; }
	@cat requirements-dev.txt pyproject.toml > $@

demo: $(INSTALLED) ## grade a sample date end to end, or your own: DATA=dir DATE=YYYY-MM-DD OUT=file.csv
	@$(IN_VENV) -m localdev.demo --data "$$DATA" --date "$$DATE" --out "$$OUT"

stack: $(INSTALLED) ## run the local stack with a week of games until Ctrl-C: events and Slack messages as they come
	@$(IN_VENV) -m localdev

test: lint ## lint, then every test; says which were skipped and why
	$(IN_VENV) -m pytest $(PYTEST_ARGS)

check: lint ## lint, types and unit tests: within a minute
	$(IN_VENV) -m pytest -n 2 -q tests/unit

test-long: $(INSTALLED) ## the tests that have a longer form, in full: batches of 60 dates, 32 processes on one lock, a season, properties
	LONG_TESTS=1 $(IN_VENV) -m pytest tests/integration/test_backfill.py tests/integration/test_batches.py \
		tests/integration/test_diff.py tests/faults/lock/test_no_overlap.py tests/faults/test_meeting_backfills.py \
		tests/faults/test_two_writers.py tests/deploy/test_interrupted.py tests/season tests/properties --timeout 1800

lint: $(INSTALLED) ## ruff and mypy, as CI runs them
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m mypy

bench: $(INSTALLED) ## time a date of 263,274 rows beside other designs: ROWS=n OUT=file.json
	@$(IN_VENV) -m bench.grading

bench-batch: $(INSTALLED) ## time a backfill in batches beside one date by date: 60 and 240 dates
	@$(IN_VENV) -m bench.batch --dates 60 --dates 240

bench-lock: $(INSTALLED) ## time the lock beside a polling one: OUT=file.json
	@$(IN_VENV) -m bench.lock

bench-cold-start: $(INSTALLED) ## import time and memory of the deployed package: OUT=file.json
	@$(IN_VENV) -m bench.cold_start

faults: $(INSTALLED) ## the fault suite, long: ROUNDS=n SEED=s
	@$(IN_VENV) -m tests.faults

season: $(INSTALLED) ## replay 170 daily runs, and print each kind of message: SHORT=1 OUT=file.json
	@$(IN_VENV) -m tests.season

guards: $(INSTALLED) ## take each safety guard out, in a copy: its test must be red
	@$(IN_VENV) -m tests.guards

audit: $(INSTALLED) ## known vulnerabilities of every pinned dependency
	@$(IN_VENV) -m pip_audit --strict --disable-pip --no-deps --requirement requirements.txt

# Only what is typed counts: a PROJECT in the environment must not turn a local run into one on a project, and make
# has an AS of its own.
typed = $(if $(filter command,$(origin $(1))),$($(1)))
conformance: export CONFORMANCE_PROJECT := $(call typed,PROJECT)
conformance: export CONFORMANCE_LOCATION := $(call typed,LOCATION)
conformance: export CONFORMANCE_IMPERSONATED := $(call typed,AS)
conformance: export CONFORMANCE_DEEP := $(call typed,DEEP)
conformance: export CONFORMANCE_TABLES := $(call typed,TABLES)
conformance: export CONFORMANCE_DRY_RUN := $(call typed,DRY)
conformance: export CONFORMANCE_OUT := $(call typed,OUT)
conformance: $(INSTALLED) ## prove the promises: PROJECT=id LOCATION=US AS=account DEEP=yes TABLES=yes DRY=yes OUT=file.md
	@$(IN_VENV) -m conformance

lock-requirements: $(INSTALLED) ## compile requirements*.in into the pinned requirements*.txt
	@$(IN_VENV) -m localdev.lock_requirements

clean: ## remove what the commands above have created
	rm -rf $(VENV) .local .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
