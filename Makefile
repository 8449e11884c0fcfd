# Everything a developer does here. `make` alone lists it.
# Every target works from a bare clone: scripts/bootstrap makes .venv first, or finds in a moment that it stands.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

PYTHON := .venv/bin/python
# Test processes side by side; a file's tests stay together and in order.
WORKERS ?= 2
ARGS ?=
# Where a run notes what issuer and courier called (local/calls.py).
CALLS := $(CURDIR)/.cache/calls
# What of the caller's environment would change a run of ours.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.PHONY: help bootstrap demo chaos breaks pictures demo-faults sim sim-mutants soak bench-desk test fuzz referees-ready browser-deps referee referee-azurite referee-vault referee-bus referee-directory referee-host referee-identity referee-table contract-azure lint format lock permissions permissions-check requirements-check infra-check package package-check licences sbom clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  demo takes JSON=FILE, BREAK=NAME (exits 1 when it was noticed), KEEP=1, CHAOS=SEED, FAULT='ORDER'; soak takes FORGET=1 (no waiting for locks); test takes ARGS='...' and WORKERS=N."

bootstrap: ## Make .venv (Python 3.13, everything pinned by hash)
	@scripts/bootstrap

# GNU make exits 2 for every failed recipe, and 1 only when it is asked (-q) about a target that is not up to date.
# A promise that broke must be told apart from a demo that could not run, so with BREAK= it runs while this file is read.
DEMO := scripts/demo $(if $(JSON),--json "$(JSON)") $(if $(BREAK),--break "$(BREAK)") $(if $(KEEP),--keep) $(if $(CHAOS),--chaos $(CHAOS)) $(if $(FAULT),--fault "$(FAULT)") $(ARGS)
ifneq ($(and $(BREAK),$(filter demo,$(MAKECMDGOALS))),)
DEMO_EXIT := $(shell $(DEMO) >&2; echo $$?)
ifeq ($(DEMO_EXIT),1)
MAKEFLAGS += -q
endif
DEMO := exit $(DEMO_EXIT)
endif

demo: ## Run the whole thing on this machine: events in, pass revealed, everything clean
	@rm -rf $(CALLS)/demo
	@DESK_CALLS=$(CALLS)/demo; export DESK_CALLS; $(DEMO)

breaks: bootstrap ## List the promises that `make demo BREAK=NAME` can break
	@$(PYTHON) -m local demo --list-breaks

pictures: bootstrap ## Draw every state of the pages anew, into docs/images (needs make browser-deps)
	@$(PYTHON) -m tests.browser.pictures

chaos: bootstrap ## Kill two issuers and a courier again and again under EVENTS=300 mixed events (SEED=1), and see what holds
	@$(PYTHON) -m local.chaos --events $(or $(EVENTS),300) --seed $(or $(SEED),1)

demo-faults: bootstrap ## Play a day for every fault, two side by side (SAMPLE=N: so many of them, by chance)
	@$(PYTHON) -m local.demo.sweep --sample $(or $(SAMPLE),0) $(ARGS)

sim: bootstrap ## Play SEEDS=N hostile days (FIRST=N: from that seed on), or SEED=x again with its story
	@$(PYTHON) -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200) --first $(or $(FIRST),0) --workers $(WORKERS))

sim-mutants: bootstrap ## Break the product in known ways and see each noticed; writes the table in docs/reliability.md
	@$(PYTHON) -m tests.simulation.mutant_table --workers $(WORKERS) --write

soak: bootstrap ## OPERATIONS=N mixed SDK operations on a desk with faults: nothing lost, memory flat
	@$(PYTHON) -m tests.soak.run $(or $(OPERATIONS),10000) $(if $(FORGET),--forget)

bench-desk: bootstrap ## How long a desk takes to start
	@$(PYTHON) -m bench.desk_start $(ARGS)

test: bootstrap referees-ready ## Run all tests, with the branch coverage of functions/ and shared/
	@rm -rf $(CALLS)/tests
	@DESK_CALLS=$(CALLS)/tests $(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile --cov --cov-branch --cov-report=term --referees=.cache/referees/results.json $(ARGS)

fuzz: bootstrap ## INPUTS=N hostile inputs for each parser (default: 100000; some ten minutes)
	@FUZZ_INPUTS=$(or $(INPUTS),100000) $(PYTHON) -m pytest -q -n $(WORKERS) --dist load -p no:cacheprovider --durations=20 tests/fuzz $(ARGS)

referees-ready: bootstrap ## Install the Node packages that the referees need (without them their tests skip, and say why)
	@$(PYTHON) -m tests.referees install

browser-deps: bootstrap ## Install the browser that the tests of the pages drive: Chromium, by apt, as root (without it they skip)
	@$(PYTHON) -m tests.browser.chromium

referee: bootstrap ## Hold the stand-ins against what others wrote, and print what each referee said
	@$(PYTHON) -m tests.referees run --workers $(WORKERS)

referee-azurite: bootstrap ## The ledger against Azurite
	@$(PYTHON) -m tests.referees run azurite --workers $(WORKERS)

referee-vault: bootstrap ## The vault against its Python and JavaScript SDKs and the REST definition
	@$(PYTHON) -m tests.referees run vault --workers $(WORKERS)

referee-bus: bootstrap ## The bus against its Python and JavaScript SDKs
	@$(PYTHON) -m tests.referees run bus --workers $(WORKERS)

referee-directory: bootstrap ## The directory against msgraph-sdk
	@$(PYTHON) -m tests.referees run directory --workers $(WORKERS)

referee-host: bootstrap ## The host against Microsoft's worker library
	@$(PYTHON) -m tests.referees run host --workers $(WORKERS)

referee-identity: bootstrap ## The identity endpoint against azure-identity
	@$(PYTHON) -m tests.referees run identity --workers $(WORKERS)

referee-table: bootstrap ## What the referees said in the last run of `make test` or `make referee`
	@$(PYTHON) -m tests.referees table

contract-azure: bootstrap ## Run the contract suites on real services (docs/contract-azure.md); needs CONTRACT_... settings
	@$(PYTHON) -m tests.contract $(ARGS)

lint: bootstrap ## Format check, ruff, mypy --strict, import contracts
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports

format: bootstrap ## Let ruff format, and mend what it can
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

lock: bootstrap ## Pin the dependencies anew (UPGRADE=1 takes the newest that fit)
	@$(PYTHON) -m uv pip compile --quiet --python-version 3.13 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--custom-compile-command "make lock" \
		pyproject.toml -o requirements.txt
	@$(PYTHON) -m uv pip compile --quiet --python-version 3.13 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--custom-compile-command "make lock" \
		--group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

permissions: bootstrap ## Run the end-to-end tests and the demo, and write docs/permissions.md from what they called
	@rm -rf $(CALLS)
	@DESK_CALLS=$(CALLS)/tests $(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile -p no:cacheprovider tests/e2e
	@DESK_CALLS=$(CALLS)/demo scripts/demo
	@$(PYTHON) -m local.permissions_page

permissions-check: bootstrap ## The last `make test` and `make demo` called what docs/permissions.md says, with no right too many or too few
	@$(PYTHON) -m local.permissions_page --check

requirements-check: bootstrap ## pyproject.toml, both lock files and .venv say the same
	@$(PYTHON) -m pytest -q -p no:cacheprovider tests/ground/test_requirements.py
	@$(PYTHON) -m pip --disable-pip-version-check check

infra-check: bootstrap ## What infra/ would create keeps the rules (and compiles, where a Bicep compiler is at hand)
	@$(PYTHON) -m tests.infra
	@if command -v bicep >/dev/null 2>&1; then \
		for file in infra/main.bicep infra/directory.bicep; do bicep build --stdout $$file >/dev/null && bicep lint $$file || exit 1; done; fi

package: bootstrap ## Build the zip that Azure gets (.cache/package/passdesk.zip), and list it
	@$(PYTHON) -m ops.package

package-check: bootstrap ## The package, unpacked into an empty directory with its requirements, indexes as issuer and as courier
	@$(PYTHON) -m tests.package

licences: bootstrap ## List the licence of every product dependency; one that is not allowed fails
	@$(PYTHON) -m tests.supply licences

sbom: bootstrap ## Write the bill of materials of the product (CycloneDX 1.6, with hashes) to .cache/sbom
	@$(PYTHON) -m tests.supply sbom

clean: ## Remove what was made here: .venv, caches, reports
	@rm -rf .venv .cache .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
