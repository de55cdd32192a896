# Every verb of the house; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OBVERSE := $(BIN)/python -m ops
.DEFAULT_GOAL := help
.PHONY: help up down status reset demo demo-bank demo-fulfilment test faults test-clients bench bench-full gen lint format promises clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/run ## run the whole system on embedded servers; Ctrl-C stops it
	@$(OBVERSE) up

down: $(VENV)/run ## stop what `make up` started, from elsewhere
	@$(OBVERSE) down

status: $(VENV)/run ## each process, the log's head, how far each view is
	@$(OBVERSE) status

reset: $(VENV)/run ## empty .obverse/ after asking; YES=1 asks nothing
	@$(OBVERSE) reset $(if $(YES),--yes)

demo: $(VENV)/run ## replay a shop's invoices and compare; DATA=path names the file
	@$(OBVERSE) demo $(if $(DATA),--data "$(DATA)")

demo-bank: $(VENV)/run ## replay a bank's transfers and compare; DATA=folder names the files
	@$(OBVERSE) demo-bank $(if $(DATA),--data "$(DATA)")

demo-fulfilment: $(VENV)/run ## fulfil a shop's day while its worker is killed, and compare; DATA=path names the file
	@$(OBVERSE) demo-fulfilment $(if $(DATA),--data "$(DATA)")

test: $(VENV)/dev ## every test but the long proofs; needs nothing running, leaves nothing running
	@$(BIN)/pytest -n 2 --dist loadfile

faults: $(VENV)/dev ## the long proofs: kills under load, seeded; SEED=n repeats one
	@$(BIN)/pytest -m faults $(if $(SEED),--seed $(SEED))

test-clients: $(VENV)/dev ## clients in Go, Node.js and Java, built and run; skips what is not installed
	@$(BIN)/pytest -m clients -rs tests/clients

bench: $(VENV)/dev ## measure P1 to P14, A1 to A4 against limits and peers; at most ten minutes
	@$(BIN)/python -m bench

bench-full: $(VENV)/dev ## the same and P15 to P17
	@$(BIN)/python -m bench --full

gen: $(VENV)/dev ## regenerate generated/ from proto/, offline
	@$(BIN)/buf generate

lint: $(VENV)/dev ## contracts, types, style, import rules, generated code
	@bash .ci/lint

format: $(VENV)/dev ## format contracts and code
	@$(BIN)/buf format -w && $(BIN)/ruff check --fix --exit-zero -q && $(BIN)/ruff format

promises: $(VENV)/dev ## rewrite docs/promises.md from the tests' marks
	@$(BIN)/python tests/promises.py

clean: ## remove .venv and caches, not the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/run: requirements.txt
	@echo "Making $(VENV) for running: servers, libraries and the obverse command (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit("Obverse needs Python 3.11 or newer, this is %s; name one with PYTHON=…" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python ops/link.py
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/run
	@echo "Adding to $(VENV) what tests, lint and benchmarks need (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
