# Every target makes the virtual environment it needs; nothing else on the machine is changed.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
RUN = $(VENV)/bin/python
SOURCES := $(shell find src tools meson.build meson.options pyproject.toml constraints.txt -type f -not -name '*.so' -not -path '*/__pycache__/*')
# libstdc++ beside it: without, the first C++ exception of any extension would stop the sanitizer.
ASAN = $(shell gcc -print-file-name=libasan.so):$(shell gcc -print-file-name=libstdc++.so.6)
CHECKED = build/checked
# The tests that reach a compiled loop: run once more on the build with every check on.
COMPILED_TESTS = tests/unit/backtest tests/unit/book tests/unit/compat tests/unit/metrics tests/unit/research/test_factors.py \
  tests/unit/research/test_preprocess.py \
  $(filter-out $(foreach word,binance fixed_point ibkr alpaca oms order_streams rebalance risk toml,$(wildcard tests/property/test_$(word)*.py)),$(wildcard tests/property/test_*.py)) \
  $(filter-out $(foreach word,alpaca binance nanobook_risk rebalance,$(wildcard tests/reference/test_$(word)*.py)),$(wildcard tests/reference/test_*.py))

.DEFAULT_GOAL := help
.PHONY: help demo test unit lint checked bench test-long fuzz fuzz-parsers soak torture random-kills lock audit clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"nanodesk needs Python 3.11 or newer, this is {sys.version.split()[0]}; use make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.python $(SOURCES)
	$(PIP) install --quiet --constraint constraints.txt .
	touch $@

# What is installed stays as it is, and only what the extra adds is fetched: nothing is compiled twice.
$(VENV)/.test: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt 'nanodesk[test]'
	touch $@

demo: $(VENV)/.installed ## one TOML file to backtest, tear sheet and target, on bundled real prices
	$(VENV)/bin/nanodesk demo

test: lint unit ## everything CI checks on the release build

unit: $(VENV)/.test ## the tests and the examples in docstrings
	$(RUN) -m pytest -m 'not slow' -n 2 --dist loadfile tests
	$(RUN) tools/run_doctests.py

lint: $(VENV)/.test ## style, static scan, types, layers, docstrings and licences
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(RUN) tools/check_layers.py
	$(RUN) tools/check_docstrings.py
	$(RUN) tools/audit_dependencies.py licences
	$(VENV)/bin/mypy

checked: $(VENV)/.test ## the compiled suite with bounds and overflow checks, AddressSanitizer and UBSan
	rm -rf $(CHECKED)
	$(PIP) install --quiet --no-deps --constraint constraints.txt --config-settings=setup-args=-Dchecked=true --target $(CHECKED) .
	LD_PRELOAD=$(ASAN) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc \
	  PYTHONPATH=$(CHECKED) NANODESK_CHECKED=1 $(RUN) -m pytest -m 'not slow' -p no:cacheprovider $(COMPILED_TESTS)

bench: $(VENV)/.test ## the performance tables of the README
	$(RUN) benchmarks/run.py

test-long: $(VENV)/.test ## the long random comparisons, on the release build
	$(RUN) -m pytest -m slow tests

torture: $(VENV)/.test ## the live river killed everywhere: 32 steps, failing disks, networks, mutants; a hundred thousand seeds
	PYTHONPATH=tests $(RUN) -m torture
	$(RUN) tools/simulate_orders.py --seeds 100_000 --processes 2

random-kills: $(VENV)/.test ## a thousand kills at random instants for each broker; goes on where it stopped
	PYTHONPATH=tests $(RUN) -m torture --workers 4 --random 1000 --state build/random-kills.jsonl random

fuzz: $(VENV)/.test ## ten million random commands on the compiled exchange and the naive one; goes on where it stopped
	$(RUN) tools/fuzz_exchange.py --commands 10_000_000

fuzz-parsers: $(VENV)/.test ## ten million damaged texts for each parser of outside input; goes on where it stopped
	$(RUN) tools/fuzz_parsers.py --executions 10_000_000

soak: $(VENV)/.test ## a day of order management on the virtual clock, faults on: flat memory, both books agree
	$(RUN) tools/simulate_orders.py --soak 24

lock: $(VENV)/.test ## write requirements.lock anew: nanodesk[all] with hashes, for this platform
	$(RUN) tools/audit_dependencies.py lock

audit: $(VENV)/.test ## static scan, licences, bill of materials, and known vulnerabilities where there is a network
	$(VENV)/bin/ruff check --select S src tools
	$(RUN) tools/audit_dependencies.py licences
	$(RUN) tools/audit_dependencies.py sbom build/nanodesk.cdx.json
	$(RUN) tools/audit_dependencies.py vulnerabilities

clean: ## remove what the targets made
	rm -rf $(VENV) build
