# Needs Python 3.11 or newer (with pip and venv) and make. Everything else goes into .venv, from hash-locked requirements,
# and is installed again only when a lock has changed (--no-deps: the lock is complete, and pip need not resolve it again). Another interpreter: make test PYTHON=python3.12

ifndef PYTHON
PYTHON := $(firstword $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python; done))
endif

VENV := .venv
BIN := $(VENV)/bin
# The interpreter is part of the name: with another one the environment is made anew.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
LOCKED := $(VENV)/.locked-$(VERSION)
INSTALLED := $(VENV)/.installed-$(VERSION)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

TESTS ?= tests
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo serve test chaos chaos-real up check schema indexes bench conformance lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 17

demo: $(INSTALLED) ## run the examples on a server of their own, and watch them
	$(BIN)/weft demo $(ARGS)

serve: $(INSTALLED) ## start the server with the examples' functions and models
	WEFT_MODULES=examples.digest.functions,examples.triage.functions,examples.research.functions,examples.orders.functions \
	WEFT_SCRIPTS=examples/digest/scripts.yaml,examples/triage/scripts.yaml,examples/research/scripts.yaml \
	WEFT_HTTP_ALLOW=127.0.0.0/8 $(BIN)/weft serve $(ARGS)

# All of them take some minutes, and every processor: one process more than there are processors, since tests also wait. A file's tests
# stay together, since some of them share what is slow to make.
test: $(INSTALLED) ## run the tests: make test TESTS=tests/domain ARGS="-x -k cancel"
	$(BIN)/python -m pytest $(TESTS) $(if $(filter tests,$(TESTS)),-n $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)') --dist loadfile) $(ARGS)

chaos: $(INSTALLED) ## simulate thousands of failures: make chaos ARGS="--seeds 500", or ARGS="--seed 1234" to see one again
	$(BIN)/python -m tests.chaos $(ARGS)

chaos-real: $(INSTALLED) ## kill real processes on the emulators while they do 1,000 executions: make chaos-real ARGS="--seed 1"
	$(BIN)/python -m tests.chaos.real $(ARGS)

check: $(INSTALLED) ## lint, format, types, import rules; GraphQL schema, image, compose and Kubernetes files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/lint_schema.py schema.graphql
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml
	$(BIN)/python .ci/validate_manifests.py k8s/overlays docs/deploy-google-cloud.md

schema: $(INSTALLED) ## print the schema to schema.graphql
	$(BIN)/python -m graphql_api.schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

indexes: $(INSTALLED) ## write firestore/ again: indexes, expiry, security rules
	$(BIN)/python -m engine.storage.firestore.index_files

up: .weft/tokens.yaml ## run emulators, two APIs and two workers in containers (needs Docker Compose); `docker compose down` ends them
	docker compose up --build --wait $(ARGS)

# JSON is YAML. The token is shown here and kept nowhere.
.weft/tokens.yaml: | $(INSTALLED)
	@mkdir -p .weft
	@$(BIN)/weft token new --tenant local --name me --role admin --json | $(BIN)/python -c 'import json, sys; \
	made = json.load(sys.stdin); \
	open("$@", "w").write(json.dumps({"tokens": [made["entry"]]})); \
	print("export WEFT_URL=http://127.0.0.1:8001 WEFT_TOKEN=" + made["token"])'

bench: $(INSTALLED) ## measure throughput and latency against bare LangGraph
	$(BIN)/python -m benchmarks $(ARGS)

conformance: $(INSTALLED) ## run other people's suites and clients against a server (needs Node.js): make conformance ARGS="relay urql"
	$(BIN)/python -m conformance $(ARGS)

lock: ## resolve pyproject.toml into requirements/*.txt again (needs uv)
	uv pip compile pyproject.toml $(LOCK) --output-file requirements/runtime.txt
	uv pip compile pyproject.toml $(LOCK) --extra dev --constraints requirements/runtime.txt --output-file requirements/dev.txt
	uv pip compile pyproject.toml $(LOCK) --extra gcp --extra openai --extra mcp --constraints requirements/dev.txt --output-file requirements/container.txt
	echo schemathesis==4.32.5 | uv pip compile - $(LOCK) --output-file conformance/schemathesis/requirements.txt
	echo hatchling | uv pip compile - $(LOCK) --constraints requirements/dev.txt --output-file requirements/build.txt

clean: ## remove the environment and what tools leave behind
	rm -rf $(VENV) .conformance .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCKED): requirements/dev.txt
	@test -n "$(VERSION)" || { echo "Weft needs Python 3.11 or newer; found: $(or $(PYTHON),none). Try make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --no-deps --require-hashes --requirement requirements/dev.txt
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
