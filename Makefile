# Lagspill. Needs git, make, curl and Python 3.11; brings everything else along, inside this folder and ~/.cache.

SHELL := /bin/sh
# The certificates that this machine trusts, an organisation's own among them.
export UV_SYSTEM_CERTS := true
# A process that may keep no bytecode compiles all that it imports: three seconds at each start, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE
.DELETE_ON_ERROR:
.PHONY: help demo up test check fast bench coverage schemas settings machines sync format clean

help: ## What there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

BIN := .venv/bin
TS := packages/lagspill-client-ts
stay := $(if $(filter-out 0 no false,$(STAY)),--stay)

# The locked packages, again whenever the lock changes.
.venv/.synced: uv.lock pyproject.toml packages/lagspill-verify/pyproject.toml packages/lagspill-client/pyproject.toml packages/lagspill-reader/pyproject.toml deploy/local/bootstrap.sh
	@uv=$$(sh deploy/local/bootstrap.sh) && echo "installing the locked packages" && "$$uv" sync --locked --quiet
	@touch $@

sync: .venv/.synced

demo: sync ## A municipality's school year, narrated; MUNICIPALITY=skien for another one's, STAY=1 leaves it running
	@exec env -u STAY -u MUNICIPALITY $(BIN)/lagspill demo $(if $(MUNICIPALITY),--municipality "$(MUNICIPALITY)") $(stay)

up: sync ## Everything, for developing against; Ctrl-C stops it
	@exec $(BIN)/lagspill up

# Three at a time, each with servers of its own: they wait more than they work. The slow files come first, in the order of the
# folders. The containers after that, because their ports are fixed.
test: sync ## Every test, starting and stopping what it needs; ARGS="tests/unit -k linter" runs these alone
ifeq ($(ARGS),)
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --ignore tests/containers
	@exec $(BIN)/pytest tests/containers
else
	@exec $(BIN)/pytest $(ARGS)
endif

check: sync ## Format, lint, types, import rules, event schemas, coverage of the rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m shared.contracts.schemas --check $(if $(BASE),--base $(BASE))
	@$(if $(BASE),changed=$$(git diff --name-only --diff-filter=MDR $$(git merge-base $(BASE) HEAD) -- services/notify/templates) && \
	  { test -z "$$changed" || { echo "A text that was used is not changed: a new wording is a new file: $$changed"; exit 1; }; })
	$(BIN)/python -m shared.contracts.catalogue --check
	$(BIN)/python -m shared.contracts.client_models --check
	$(BIN)/python -m deploy.settings_table --check
	$(BIN)/python -m deploy.machines --check
	$(BIN)/python -m tests.coverage_table --check
	@if command -v npm >/dev/null; then \
	  npm ci --silent --no-audit --no-fund --prefix tests/contract/asyncapi && node tests/contract/asyncapi/validate.mjs && \
	  npm ci --silent --no-audit --no-fund --prefix $(TS) && npm run --silent --prefix $(TS) check; \
	else \
	  echo "Neither the AsyncAPI document nor the TypeScript client was checked: npm is not here."; \
	fi

fast: sync ## The audit service's compiled reader, built with Rust 1.85 or newer (`apt install cargo-web`); without it Python reads the log
	@command -v cargo >/dev/null || { echo "There is no cargo here: install Rust 1.85 or newer (Debian 12: apt install cargo-web gcc)." >&2; exit 1; }
	@echo "building the compiled reader: about a minute, once"
	@uv=$$(sh deploy/local/bootstrap.sh) && "$$uv" sync --locked --group fast

bench: sync ## Speed, as ratios within one run; PEERS=1 adds the peers; with the compiled reader where there is Rust
	@uv=$$(sh deploy/local/bootstrap.sh); peers="$(if $(PEERS),--group peers)"; \
	  { command -v cargo >/dev/null && "$$uv" sync --locked --group fast $$peers; } || \
	  { echo "The compiled reader could not be built: Python reads the log."; "$$uv" sync --locked --quiet $$peers; }
	@exec $(BIN)/python -m tests.bench $(if $(PEERS),--peers)

coverage: sync ## docs/coverage.md from the markers in code and tests
	$(BIN)/python -m tests.coverage_table

schemas: sync ## The event schemas, the event catalogue and the subscribers' models from the models
	$(BIN)/python -m shared.contracts.schemas
	$(BIN)/python -m shared.contracts.catalogue
	$(BIN)/python -m shared.contracts.client_models
	@if command -v npm >/dev/null; then \
	  npm ci --silent --no-audit --no-fund --prefix $(TS) && npm run --silent --prefix $(TS) generate; \
	else \
	  echo "The TypeScript client's types were not written: npm is not here."; \
	fi

settings: sync ## docs/settings.md from the classes that read the environment
	$(BIN)/python -m deploy.settings_table

machines: sync ## The tables and pictures of the states, and of who may do what, from the code that decides
	$(BIN)/python -m deploy.machines

format: sync ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what was made here (data of `make up` too)
	rm -rf .venv .lagspill .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
