# Every target needs only Python 3.11 or newer and make; `setup` builds what the others use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "JobSphere needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Stripe's library for Node, which one test uses; without npm that test says that it was left out.
TOURS := tests/sandbox/tours
$(TOURS)/node_modules/.package-lock.json: $(TOURS)/package-lock.json
	@cd $(TOURS) && npm ci --silent --prefer-offline && touch node_modules/.package-lock.json || \
		echo "Stripe's library for Node could not be installed; the test that uses it will try again."

.PHONY: setup
setup: $(VENV)/.installed $(if $(shell command -v npm),$(TOURS)/node_modules/.package-lock.json) ## make .venv with the locked dependencies (the others call it)

.PHONY: demo
demo: setup ## play the whole money flow over three real processes and prove the books
	@$(BIN)/jobsphere demo

.PHONY: run
run: setup ## serve it on this machine with demo logins; Ctrl-C stops everything it started
	@$(BIN)/jobsphere serve

.PHONY: test
test: setup ## run all tests on a PostgreSQL that the tests start themselves
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: check
check: setup ## exactly what CI runs: format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

.PHONY: format
format: setup ## format the code and apply the safe repairs of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: chaos
chaos: setup ## play SCENARIOS=1000 of SEED=1, Stripe and its webhooks failing; BUG=effect-twice plants a bug
	@$(BIN)/python -m tests.chaos --seed $(or $(SEED),1) --scenarios $(or $(SCENARIOS),1000) $(if $(BUG),--plant-bug $(BUG))

.PHONY: fuzz
fuzz: setup ## send 20,000 malformed or forged webhooks; none may be accepted, none answered 5xx
	@FUZZ_REQUESTS=20000 $(BIN)/pytest -k forged_or_malformed tests/web/test_forged_webhooks.py

# What only the benchmarks' peers need; what cannot be installed is left out of the table, which says so.
PEERS := benchmarks/peers
$(PEERS)/guide/node_modules/.package-lock.json: $(PEERS)/guide/package-lock.json
	@cd $(PEERS)/guide && npm ci --silent --prefer-offline && touch node_modules/.package-lock.json || \
		echo "The packages of the guide's handler could not be installed."

$(PEERS)/djstripe/.venv/.installed: $(PEERS)/djstripe/requirements.lock
	@$(PYTHON) -m venv $(PEERS)/djstripe/.venv && $(PEERS)/djstripe/.venv/bin/pip install --quiet \
		--disable-pip-version-check --require-hashes -r $< && touch $@ || \
		echo "The packages of dj-stripe could not be installed."

.PHONY: bench
bench: setup $(PEERS)/guide/node_modules/.package-lock.json $(PEERS)/djstripe/.venv/.installed ## measure against all peers on this machine (at most 18 minutes)
	@$(BIN)/python -m benchmarks --json bench.json $(BENCH)

.PHONY: bench-quick
bench-quick: setup ## the same in short, without Node and dj-stripe (under 90 seconds)
	@$(BIN)/python -m benchmarks --quick --json bench-quick.json $(BENCH)

.PHONY: crash-matrix
crash-matrix: setup ## kill worker, server and PostgreSQL at every crash point of a withdrawal (up to 40 minutes)
	@$(BIN)/python -m tests.processes.crash_matrix $(MATRIX)

.PHONY: crash-cards
crash-cards: setup ## SIGKILL at every crash point of deposits, refunds and disputes (up to 2 hours)
	@$(BIN)/python -m tests.processes.crash_matrix --cards --victim itself --fault success --fault timeout_after \
		--fault error_after --minutes 120 $(MATRIX)

.PHONY: crash-points
crash-points: setup ## kill JobSphere at every crash point of every flow (the tests play a sample)
	@CRASH_POINTS=all $(BIN)/pytest tests/processes/test_crash_points.py

.PHONY: races
races: setup ## run 1,000 seeded races of each kind on withdrawals, and 50 rounds of 200 at once (half an hour)
	@RACES=1000 ROUNDS=50 $(BIN)/pytest tests/journeys/test_withdrawal_races.py

.PHONY: lock
lock: setup ## resolve requirements.lock anew (hashes, no index addresses)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --group dev pyproject.toml --output-file requirements.lock
