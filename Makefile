# `make` alone lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SHELLFLAGS := -eu -c
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
# Written when .venv holds exactly what the lock file says.
INSTALLED := .venv/installed
LOG := sensors/recordings/zih-lzr-2025-03.jsonl.gz
SITE := config/zih-lzr.yaml

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) ## Create .venv with the locked packages and the command greendc

$(INSTALLED): requirements.lock pyproject.toml tools/venv.sh
	@tools/venv.sh "$(PYTHON)" .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: servers
servers: ## Make the servers that the tests start available in .servers, installing nothing
	@tools/servers.sh

.PHONY: check
check: setup ## Run the fast checks: lint, format, types, layers, Dockerfile
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --strict greendc tests $(wildcard tools/*.py)
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile

.PHONY: audit
audit: setup ## Ask whether locked packages have known vulnerabilities
	@$(BIN)/python -m tools.audit

.PHONY: test
test: setup servers ## Set up what is missing and run the whole test suite
	@$(BIN)/pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

.PHONY: replay
replay: setup ## Show the main job: two weeks of a real data centre, replayed into its figures
	@$(BIN)/greendc replay $(LOG) -c $(SITE)

.PHONY: demo
demo: setup ## Show two weeks of a real data centre, or of SIMULATED=fleet, in the browser
	@exec $(BIN)/python tools/foreground.py $(BIN)/greendc demo $(if $(SIMULATED),--site $(SIMULATED))

.PHONY: bench
bench: setup ## Measure speed and memory beside other exporters, in five minutes; BENCH=short for a trial
	@tools/peers.sh "$(PYTHON)"
	@$(BIN)/python -m tests.bench $(BENCH)

.PHONY: balance
balance: setup ## Measure what the balance check finds of simulated mis-wirings, in two minutes of CPU on all cores
	@$(BIN)/python -m tests.balance.measure

.PHONY: docs
docs: setup ## Generate the reference pages again
	@$(BIN)/python -m tools.generate

.PHONY: lock
lock: ## Write requirements.lock and requirements-run.lock anew from pyproject.toml
	@tools/lock.sh "$(PYTHON)"

.PHONY: clean
clean: ## Remove everything that make and the tests made
	@rm -rf .venv .servers .make build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find greendc tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
