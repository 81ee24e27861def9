# `make demo` and `make test` do all set-up themselves; they need Python 3.11 and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOWEST := .venv-lowest
TESTS ?=
BENCH ?=
LAUNCH ?= 1

.PHONY: demo test lowest test-lowest lint format bench docs clean browser

$(READY): requirements.txt setup.cfg
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $(READY)

demo: $(READY)
	$(BIN)/secondopinion demo $(if $(filter 0,$(LAUNCH)),--no-launch,)

test: $(READY) browser
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# The same tests with the lowest versions that setup.cfg says are supported; `make test-lowest TESTS=tests/core`.
test-lowest: lowest browser
	$(LOWEST)/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

lowest: $(LOWEST)/.ready

$(LOWEST)/.ready: $(READY) setup.cfg
	$(BIN)/uv venv -q --clear --seed --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install -q --python $(LOWEST) --resolution lowest-direct -r setup.cfg --extra dev
	$(BIN)/uv pip install -q --python $(LOWEST) --no-deps -e .
	touch $@

# The browser tests skip, and say so, where chromium cannot be installed.
browser:
	@command -v chromium >/dev/null || \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  fi || echo "chromium could not be installed; browser tests will be skipped"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The quick size; `make bench BENCH=--full` takes the sizes of docs/benchmarks.md.
bench: $(READY)
	$(BIN)/python benchmarks/run.py $(BENCH)

# Into site/, which opens from a disk.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(LOWEST) build dist site *.egg-info demo-output .pytest_cache .ruff_cache
