# jobd from a checkout. "make" alone lists what there is.
#
# Needs: python3 (3.11 or newer) with venv, and make. Everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config/jobd.toml
# What to pass to pytest: make test ARGS="tests/core -k dst"
ARGS ?=
# How many tests run at once when all do: most of them wait for processes that they started.
BESIDE ?= 4
# How long chaos lasts; it chooses a seed, and says which, unless one is given.
MINUTES ?= 60
SEED ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run cluster outage test vm-test check chaos man bench dist deb clean

help:  ## List these commands
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: $(VENV)/.run-stamp  ## Run jobd with the example jobs, in the foreground
	@printf '%s\n' \
	    '' \
	    'jobd runs the example jobs of $(CONFIG). Give it a minute, and look at' \
	    '' \
	    '  http://127.0.0.1:9746/' \
	    '' \
	    'In another terminal try' \
	    '' \
	    '  $(BIN)/jobd ctl --socket .jobd/jobd.sock status' \
	    '  $(BIN)/jobd ctl --socket .jobd/jobd.sock jobs' \
	    '  $(BIN)/jobd ctl --socket .jobd/jobd.sock runs' \
	    '  $(BIN)/jobd ctl --socket .jobd/jobd.sock why slower-than-its-interval' \
	    '  $(BIN)/jobd ctl --socket .jobd/jobd.sock report' \
	    '  curl -s http://127.0.0.1:9746/metrics | grep jobd_ticks' \
	    '' \
	    'Ctrl-C stops it.' \
	    ''
	@exec $(BIN)/jobd run -c $(CONFIG)

cluster: $(VENV)/.run-stamp  ## Run three nodes and their PostgreSQL, in one terminal
	@exec $(BIN)/python -m deploy.cluster $(ARGS)

outage: $(VENV)/.run-stamp  ## Replay the outage that jobd is for: cron melts beside jobd (6 minutes)
	@exec $(BIN)/python -m deploy.outage $(ARGS)

test: $(VENV)/.test-stamp  ## Run the tests
ifeq ($(strip $(ARGS)),)
	@$(BIN)/pytest -rfEs --numprocesses $(BESIDE) --dist loadfile --no-loadscope-reorder
else
	@$(BIN)/pytest -rs $(ARGS)
endif

vm-test: $(VENV)/.test-stamp  ## Run the tests of a real systemd, in a virtual machine (as root)
	@$(BIN)/pytest -rfEs -m vm tests/vm $(ARGS)

check: $(VENV)/.test-stamp  ## Check format, style, types, layers and the example configuration
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/jobd check -c $(CONFIG)
	@$(BIN)/python -m deploy.release >/dev/null

chaos: $(VENV)/.test-stamp  ## Break a cluster at random: make chaos MINUTES=60 SEED=1
	@$(BIN)/python -m tests.system.chaos $(MINUTES) $(SEED)

man: $(VENV)/.run-stamp  ## Write the manual pages into build/man
	@$(BIN)/python -m deploy.man build/man

bench: $(VENV)/.test-stamp  ## Measure, beside a reference: make bench ARGS="herd idle"
	@$(BIN)/python -m benchmarks $(ARGS)

dist: $(VENV)/.test-stamp  ## Build the source archive and the wheel into dist/
	@$(BIN)/python -m deploy.release
	@$(BIN)/python -m build --no-isolation --outdir dist

deb: $(VENV)/.test-stamp  ## Build the Debian package into dist/
	@$(BIN)/python -m deploy.release
	@$(BIN)/python -m deploy.debian --out dist

clean:  ## Remove .venv, caches and the example's state
	rm -rf $(VENV) .jobd .vm build dist *.egg-info .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: installed again only when pyproject.toml is newer. jobd is installed in
# place (-e), so a change in jobd/ needs no installation.

$(VENV)/.run-stamp: pyproject.toml
	$(require-python)
	@echo 'Installing jobd into $(VENV) (about half a minute, once) ...'
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test-stamp: pyproject.toml
	$(require-python)
	@echo 'Installing jobd and its test tools into $(VENV) (about a minute, once) ...'
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.run-stamp

define require-python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'jobd needs Python 3.11 or newer, and "$(PYTHON)" is older or missing.' >&2; \
	    echo 'Name another one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo '$(PYTHON) cannot make virtual environments: apt-get install python3-venv' >&2; exit 1; }
endef
