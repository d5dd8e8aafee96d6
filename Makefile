# `make help` lists what can be asked for. Everything runs from .venv, whose versions tests/constraints.txt pins.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON3 ?= python3
export PYTHON3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The user's own Ansible settings must not decide whether a test passes.
unexport ANSIBLE_CONFIG ANSIBLE_COLLECTIONS_PATH ANSIBLE_ROLES_PATH PYTHONPATH

# The inputs of the environment and its place: another place or another version is another environment.
VENV_KEY := $(shell { cat requirements.txt tests/requirements.txt tests/constraints.txt; \
	$(PYTHON3) --version; pwd; } 2>&1 | sha256sum | cut -c1-16)
VENV := .venv/complete-$(VENV_KEY)
PYTEST := python -m pytest

##@ Set-up
.PHONY: setup venv
setup: ## Install what the machine lacks (Debian packages, Docker Engine) and build .venv
	tests/lab/bootstrap
	tests/quality/make-venv $(VENV)

venv: $(VENV) ## Build .venv only
$(VENV):
	@tests/quality/make-venv $@

##@ The demo
.PHONY: demo demo-status demo-down
demo: setup ## Build the lab, converge it, and run the product's jobs on it
	python -m tests.lab.demo up

demo-status: $(VENV) ## Show the state of the demo
	python -m tests.lab.demo status

demo-down: $(VENV) ## Remove the hosts and files of the demo
	python -m tests.lab.demo down

##@ Tests
# The quick linters come first; then what the hyphens part runs side by side.
STAGES := lint-python lint-types lint-yaml -- docs-check test-unit lint-ansible sanity sanity-cores -- test-parts
.PHONY: test lint $(filter-out --,$(STAGES))
test: setup ## What a change must pass, with the time of each area against its budget at the end
	@python -m tests.quality.stages $(STAGES)

lint: lint-python lint-types lint-yaml lint-ansible ## The four linters

lint-python: $(VENV) ## ruff: rules and format
	ruff check --output-format concise
	ruff format --check --output-format concise

TYPED := $(foreach kind,module_utils plugin_utils modules action callback filter,--package ansible_collections.gantry.odoo.plugins.$(kind))
RIG := tests/lab tests/quality tests/bench tests/integration/ansible.py tests/integration/ansible_server.py
lint-types: $(VENV) ## mypy on the plugins, and on the code that tests stand on
	mypy $(TYPED)
	mypy --exclude tests/lab/releases $(RIG)

lint-yaml: $(VENV) ## yamllint
	yamllint --strict .

lint-ansible: $(VENV) ## ansible-lint, production profile, nothing ignored
	@! grep -v '^#' .ansible-lint-ignore
	ansible-lint --offline --nocolor --format pep8

sanity: $(VENV) ## ansible-test sanity, nothing ignored
	@! find tests/sanity -name 'ignore*' 2>/dev/null | grep .
	python -m tests.quality.sanity

sanity-cores: $(VENV) ## validate-modules of the newer versions of ansible-core, in containers
	python -m tests.quality.cores validate-modules

docs-check: $(VENV) ## Documentation, changelog, argument specs, action groups, README tables
	python -m tests.quality.docs lint-collection-docs --plugin-docs --check-extra-docs-refs --validate-collection-refs=dependent .
	antsibull-changelog lint
	$(PYTEST) tests/unit/project

# A worker of pytest each, with a lab of its own; what an area may take is in tests/budgets.yml.
WORKERS = $(shell sed -n 's/^workers: //p' tests/budgets.yml)
SIDE_BY_SIDE = --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder
test-unit: $(VENV) ## Unit tests; what they may take is in tests/budgets.yml
	timeout --foreground 1200 $(PYTEST) tests/unit --ignore=tests/unit/project $(SIDE_BY_SIDE)

test-parts: $(VENV) ## Modules, roles and playbooks against the real parts in containers, areas side by side
	$(PYTEST) tests/integration tests/molecule -m "not deep" --verbose $(SIDE_BY_SIDE) \
	  --junitxml .build/log/test-parts.xml

NAME ?=
AREAS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/integration/*/test_*.py)))))
# $(call known,NAMES): refuse a NAME that is none of them.
known = @test -n "$(filter $(1),$(NAME))" || { echo "NAME is '$(NAME)'; give one of: $(1)" >&2; exit 2; }
.PHONY: bench test-deep test-area test-molecule
test-area: $(VENV) ## The tests of one area that `make test` runs, such as NAME=odoo
	$(call known,$(AREAS))
	$(PYTEST) tests/integration/$(NAME) -m "not deep"

test-molecule: $(VENV) ## The Molecule scenarios, one for each role; NAME=redis runs one
	$(PYTEST) "tests/molecule$(if $(NAME),/test_scenarios.py::test_scenario[$(NAME)])"

# A test that passed is remembered for the tree as it is, so that a run that was cut off goes on where it was.
test-deep: setup ## All tests of one area: every kill boundary, older versions, long loads; NAME=redis, resumable
	$(call known,$(AREAS) sanity)
	@if [ "$(NAME)" = sanity ]; then exec python -m tests.quality.cores; fi; \
	exec $(PYTEST) tests/integration/$(NAME) --resume .build/deep/$(NAME)

bench: setup ## Benchmarks against the peers; NAME=clone runs one, without a name all and docs/benchmarks.md
	@python -m tests.bench $(NAME)

##@ Upkeep
.PHONY: format constraints clean help
format: $(VENV) ## Let ruff put the Python files right
	ruff check --fix
	ruff format

constraints: $(VENV) ## Renew tests/constraints.txt
	tests/quality/pin-versions

clean: ## Remove .venv, .build and the caches; the lab goes with demo-down
	rm -rf .ansible .build .cache .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
