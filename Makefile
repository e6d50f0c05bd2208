# Every target sets the checkout up first (scripts/setup: .venv and the locked packages).
SHELL := /bin/sh
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo up test simulate simulate-bookings chaos alerts lint bench generate lock

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Makes .venv with the locked packages (the other targets do it themselves)
	@scripts/setup

demo: setup ## Starts a session on two simulated stations, shows each step, and stops
	@$(BIN)/evcommand demo

up: setup ## Runs Temporal, broker, worker and gateway until Ctrl-C. ARGS="--open" admits any station
	@$(BIN)/evcommand up $(ARGS)

test: setup ## Passes every test. ARGS="tests/unit -k name" chooses some
	@scripts/test $(ARGS)

SEEDS ?= 1000
FIRST ?= 1

# BEHIND=1000 plays that many worlds whose station stands behind another back end, instead,
# BOOKINGS=1000 that many worlds of bookings, and KILLS=1000 that many in which our processes are
# killed at any of their writes while there are bookings.
ORDINARY := $(if $(BEHIND),back_end/test_no_lies_behind_a_back_end.py,test_no_lies.py)
BOOKED := $(if $(BOOKINGS),bookings/test_no_lies_about_bookings.py,$(ORDINARY))
WORLDS := $(if $(KILLS),bookings/kills/test_killed_anywhere.py,$(BOOKED))

simulate: setup ## Plays hostile worlds and hunts for lies. SEEDS=1000 FIRST=1 say how many, from where
	@EVCOMMAND_SIMULATION_SEEDS=$(SEEDS) EVCOMMAND_SIMULATION_FIRST_SEED=$(FIRST) \
		$(if $(BEHIND),EVCOMMAND_SIMULATION_BEHIND=$(BEHIND)) \
		$(if $(BOOKINGS),EVCOMMAND_SIMULATION_BOOKINGS=$(BOOKINGS)) \
		$(if $(KILLS),EVCOMMAND_SIMULATION_KILLS=$(KILLS)) \
		$(BIN)/pytest tests/simulation/$(WORLDS) $(ARGS)

STEPS ?= 100000
POOLS ?= 20000
WEEKS ?= 3

simulate-bookings: setup ## Plays bookings in pools and judges each plan. STEPS=100000 POOLS=20000 WEEKS=3 say how many
	@EVCOMMAND_BOOKING_STEPS=$(STEPS) EVCOMMAND_BOOKING_POOLS=$(POOLS) EVCOMMAND_BOOKING_WEEKS=$(WEEKS) \
		$(BIN)/pytest -s --timeout 0 tests/integration/planning \
		tests/unit/domain/bookings/plan/test_never_without_a_plan.py $(ARGS)

MINUTES ?= 10
SEED ?= 1

chaos: setup ## Breaks a fleet of real processes and hunts for lies. MINUTES=10 SEED=1 say how long, and what
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) --seed $(SEED) $(ARGS)

alerts: setup ## Asks Prometheus's own engine whether each alert fires when it should (needs Go)
	@$(BIN)/pytest tests/e2e/telemetry/test_alerts.py $(ARGS)

lint: setup ## Runs every check that needs no server
	@scripts/lint

bench: setup ## Measures, and prints JSON lines
	@$(BIN)/python -m bench $(ARGS)

generate: setup ## Generates the Python code of the protos anew
	@scripts/generate_protos

lock: setup ## Locks the newest versions that pyproject.toml allows (needs uv)
	@scripts/lock --upgrade
