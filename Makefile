# One entry point per task; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Where PATH has no Node, install put one into the environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)
ARGUMENTS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast check format contracts proto vectors lock clean forge gas bench

help: ## list all targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk 'BEGIN {FS = ":.*## "} {printf "  make %-12s %s\n", $$1, $$2}'

install: .install-stamp ## set up .venv and node_modules from the committed locks

.install-stamp: requirements.lock requirements-node.lock package-lock.json pyproject.toml scripts/install.sh
	@PYTHON="$(PYTHON)" bash scripts/install.sh
	@touch $@

demo: install ## run the main job on three local chains (ARGUMENTS="--json" and others are passed on)
	@$(BIN)/clearinghouse demo $(ARGUMENTS)

test: install ## run the whole suite: Python, contracts, end to end
	$(BIN)/pytest -n 2 --dist loadfile $(ARGUMENTS)

test-fast: install ## run the suite without chains and without forge
	$(BIN)/pytest -n 2 --dist loadfile -m "not e2e and not forge" $(ARGUMENTS)

check: install ## ruff, mypy --strict, the doors between packages, buf lint, forge fmt
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m devnets.tools buf lint
	cd contracts && ../$(BIN)/python -m devnets.tools forge fmt --check

format: install ## rewrite Python and Solidity in the house format
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	cd contracts && ../$(BIN)/python -m devnets.tools forge fmt

contracts: install ## recompile contracts/artifacts
	$(BIN)/python scripts/compile_contracts.py

proto: install ## regenerate clearinghouse/v1 from proto/
	$(BIN)/python scripts/generate_protobuf.py

vectors: install ## regenerate the vectors that Python and Solidity share
	$(BIN)/python scripts/generate_vectors.py

forge: install ## run the Solidity tests alone
	cd contracts && ../$(BIN)/python -m devnets.tools forge test -vv

gas: install ## measure the gas of a settlement with 10, 1,000 and 100,000 members
	$(BIN)/python -m tests.benchmarks.settlement_gas $(ARGUMENTS)

bench: install ## measure this machine in a minute; `clearinghouse bench --help` has the full sizes
	$(BIN)/clearinghouse bench all --quick $(ARGUMENTS)

lock: install ## resolve the requirements again (needs uv) and package.json
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock requirements-development.in
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-node.lock requirements-node.in
	npm install --package-lock-only

clean: ## remove what install and the tools made
	rm -rf .venv node_modules .install-stamp .pytest_cache .mypy_cache .ruff_cache .import_linter_cache contracts/out contracts/cache *.egg-info
