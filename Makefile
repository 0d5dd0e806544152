# The one list of commands, the same for people and for CI. `make` alone prints it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# What pytest is asked for: make test ARGS="tests/unit -x"
ARGS ?=
# How many tests at a time; most of them wait for servers and time-outs. A file's tests share their servers.
JOBS ?= 4

# Size and seed of a proof of docs/reliability.md: make chaos N=300 SEED=7 (each has defaults; ARGS=--help tells the rest)
N ?=
SEED ?=
PROVE = $(BIN)/python -m tests.reliability.$@ $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: help setup demo test bench matrix kills chaos sequences credentials abuse injection leaks versions hygiene screenshots lint lock clean

help: ## Print this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

setup: $(VENV)/.servers ## Prepare everything (environment, Temporal, PostgreSQL, time-skipping server); starts nothing

demo: setup ## Play six stories of calls against real servers and show what came of them
	@$(BIN)/talkbridge demo

test: setup lint ## Everything that has to pass: lint, types, all tests
	@$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

bench: setup ## Measure screen pops, processor time and history on this machine (about 10 minutes)
	@$(BIN)/python -m bench $(ARGS)

matrix: setup ## Prove: every vendor request meets every fault
	@$(PROVE)

kills: setup ## Prove: kill -9 at every named point
	@$(PROVE)

chaos: setup ## Prove: random calls while everything is killed, paused and cut off (N= calls, SEED=)
	@$(PROVE)

sequences: setup ## Prove: random sequences of events against the call's workflow (N= sequences)
	@$(PROVE)

credentials: setup ## Prove: tokens that expire, are revoked, refused, short-lived; clocks that are wrong
	@$(PROVE)

abuse: setup ## Prove: mutated webhooks are refused, or taken as what they are (N= requests)
	@$(PROVE)

injection: setup ## Prove: hostile data stays data, hostile vendors are bounded (N= calls)
	@$(PROVE)

leaks: setup ## Prove: no planted secret in database, histories, logs, metrics or answers
	@$(PROVE)

versions: setup ## Prove: calls outlive the code they began under (N= calls)
	@$(PROVE)

hygiene: setup ## Prove: memory, look-ups and histories stay as they are on long runs
	@$(PROVE)

screenshots: setup ## Play the demo and take every page, light and dark, desk and phone (ARGS=--choose: the README's)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

lint: $(VENV)/.installed ## Style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy .

lock: ## Renew requirements.lock from pyproject.toml (hashes for every platform, no index addresses)
	@.ci/lock $(ARGS)

clean: ## Remove the environment and tool caches (the downloaded or built servers stay in the user's cache)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

$(VENV)/.installed: requirements.lock pyproject.toml
	@python="$$(.ci/python)"; test -x $(BIN)/python || "$$python" -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@# "compat" puts the checkout itself on the path, so that a package added later needs no new install.
	@# Folders of data inside packages (SQL, go.mod) look like forgotten packages to setuptools, which then warns at length.
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@

$(VENV)/.servers: $(VENV)/.installed $(wildcard cli/temporal_server/go.* cli/time_skipping/*)
	@$(BIN)/talkbridge servers prepare
	@echo "Ready. Next: make demo, or docs/run-locally.md for each process by hand"
	@touch $@
