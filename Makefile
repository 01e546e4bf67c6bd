# Every target sets up what it needs: `make demo` on a fresh clone is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

RUN ?= runs/demo
DATA ?=
TEST ?= tests
EXAMPLES ?= 5000
SECONDS ?= 600
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: help setup demo serve test test-slow fuzz check format bench docs-diagram clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 22

setup: $(READY)  ## a .venv with everything, at the tested versions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "i2i needs Python 3.11 or later; $$($(PYTHON) --version) was found. Try: make setup PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing i2i and what it needs into $(VENV) (a few minutes, several GB, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	@! command -v npm >/dev/null || npm install --silent --no-save --no-audit --no-fund --prefix $(VENV) axe-core@4.11.0 || \
		echo "axe-core could not be fetched; the test of accessibility is skipped."
	@touch $@

demo: $(READY)  ## train, export, convert and score on sample pairs, or on DATA=folder
	@$(BIN)/i2i demo $(if $(DATA),"$(DATA)") --run "$(RUN)"

serve: $(READY)  ## open the page and the HTTP API on the demo's translator, or on RUN=folder
	@test -d "$(RUN)" || { echo "There is no $(RUN) yet. Try: make demo"; exit 2; }
	@$(BIN)/i2i serve "$(RUN)"

test: $(READY)  ## every test but the slow ones (TEST=tests/test_x.py for some)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TEST)

test-slow: $(READY)  ## the tests that train for minutes
	@$(BIN)/pytest -m slow --timeout 3600 $(TEST)

fuzz: $(READY)  ## search for files and requests that break the decoder or the server (EXAMPLES= a kind, SECONDS= by coverage)
	@FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest --timeout 0 -k damaged tests/images tests/serving/web/test_fuzz.py
	@$(BIN)/python tests/images/strangers/coverage_guided.py $(SECONDS)

check: $(READY)  ## format, lint, types, and known holes in other people's packages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@rm -rf build/typed && mkdir -p build/typed/i2i
	@ln -s $(CURDIR)/i2i/* $(CURDIR)/datasets $(CURDIR)/serving build/typed/i2i/
	@$(BIN)/mypy
	@$(BIN)/python .ci/audit.py

format: $(READY)  ## rewrite the files as `make check` wants them
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)  ## measure against the plain way; writes benchmarks/*.json and docs/benchmarks.md
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.training.limits

docs-diagram: $(READY)  ## draw docs/images/architecture.svg anew, from the rows of tests/test_imports.py
	@$(BIN)/python docs/images/architecture.py

clean:  ## remove what was built, not the runs
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
