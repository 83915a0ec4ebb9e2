# What a newcomer types: `make demo` to see it work, `make test` to check it. Everything is set up inside the checkout;
# stamp files make a second run cost nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The newest Python this machine has, 3.11 or later; `make PYTHON=/path/to/python3` picks another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	command -v $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# make demo MODE=real runs it on a real Nomad.
MODE ?= simulator
GO := $(shell command -v go)
IMAGE ?= pryv-nomad:$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' pryv_nomad/__init__.py)

.PHONY: help
help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: venv
venv: $(VENV)/.ready ## Set up .venv with pryv-nomad and what its tests need

$(VENV)/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "pryv-nomad needs Python 3.11 or later; install it, or say make PYTHON=..." >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: tools
ifdef GO
tools: tools/bin/consul tools/bin/consul-template tools/bin/pebble ## Build the pinned Consul, consul-template and Pebble (needs Go)

tools/bin/consul: tools/consul/go.mod tools/consul/go.sum
	@$(call build,consul,github.com/hashicorp/consul)

tools/bin/consul-template: tools/consul-template/go.mod tools/consul-template/go.sum
	@$(call build,consul-template,github.com/hashicorp/consul-template)

tools/bin/pebble: tools/pebble/go.mod tools/pebble/go.sum
	@$(call build,pebble,github.com/letsencrypt/pebble/v2/cmd/pebble)

# A build that is cut short must not leave a half binary that make takes for a whole one.
define build
	echo "Building $(1) (some minutes the first time)"; mkdir -p tools/bin; \
	cd tools/$(1) && GOTOOLCHAIN=local CGO_ENABLED=0 $(GO) build -p 2 -trimpath -buildvcs=false -ldflags '-s -w' \
		-o ../bin/.$(1).new $(2) && mv ../bin/.$(1).new ../bin/$(1)
endef
else
tools:
	@echo "No Go on this machine: Consul and consul-template are not built; what needs them is left out."
endif

.PHONY: lint
lint: venv ## Ruff, mypy --strict and the layers of the architecture
	@status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/mypy || status=1; \
	$(BIN)/lint-imports || status=1; \
	exit $$status

# Everything runs, also after a failure: one run tells all that is wrong.
.PHONY: test
test: venv tools ## Check everything that this machine can; what was skipped, and why, stands at the end
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	PATH="$(CURDIR)/tools/bin:$$PATH" $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) || status=1; \
	$(BIN)/python tools/left_out.py; \
	exit $$status

.PHONY: demo
demo: venv ## Plan, run, status, a change and a second plan, on the embedded simulator
	@$(BIN)/python tools/demo.py --mode $(MODE)

.PHONY: bench
bench: venv ## Repeat the measurements of docs/performance.md
	@for script in bench/*.py; do $(BIN)/python -m bench.$$(basename $$script .py); done

.PHONY: image
image: ## Build the container image of pryv-nomad (needs Docker and an image registry)
	docker build --tag $(IMAGE) .

.PHONY: clean
clean: ## Remove what make has made
	rm -rf $(VENV) tools/bin build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
