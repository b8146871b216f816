# `make demo` sets up and shows the main job on real input; `make test` runs the tests. Nothing is needed but Python
# 3.11 or later and make. uv makes the set-up faster where it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSION := packager/binned/_binned.abi3.so
EXAMPLES := cancer-logreg digits-forest diabetes-boosting fraud-lightgbm digits-mlp
RECIPES := $(EXAMPLES:%=recipes/%.yml)
export PACKAGE_REGISTRY := $(CURDIR)/recipes/registry
# LightGBM's wheel wants the system's libgomp.so.1; where there is none, `setup` lends it scikit-learn's copy.
export LD_LIBRARY_PATH := $(if $(LD_LIBRARY_PATH),$(LD_LIBRARY_PATH):)$(CURDIR)/$(VENV)/lib/openmp

.PHONY: help setup setup-dev demo test check bench bench-serving clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'

setup: $(VENV)/.installed $(EXTENSION)            ## make .venv with the tool in it

setup-dev: $(VENV)/.installed-dev $(EXTENSION)

$(VENV)/bin/python:
	@echo "== making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is %s" % sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv does not work here: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "== installing the locked packages (about a minute with pip, seconds with uv)"
	@sh .ci/install $(VENV) requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "== installing what the tests and checks need"
	@sh .ci/install $(VENV) requirements-dev.lock
	@touch $@

# Installing compiles it too; this is for sources that changed since, and for a compiler that came later.
$(EXTENSION): $(wildcard packager/binned/c/*) packager/binned/compile.py | $(VENV)/.installed
	@echo "== compiling the extension that scores binned trees"
	@$(BIN)/python -m packager.binned.compile || echo "   going on without it: \`binned\` variants are not applicable here"

recipes/registry/.trained: recipes/train_examples.py | $(VENV)/.installed
	@echo "== training and registering the example models"
	@rm -rf $(EXAMPLES:%=recipes/registry/%)
	@$(BIN)/python recipes/train_examples.py
	@touch $@

demo: setup recipes/registry/.trained            ## train, register and build the example models
	@echo "== building $(words $(EXAMPLES)) recipes"
	@$(BIN)/package build $(RECIPES) --out dist
	@echo "== built; each bundle's report lies beside it, for example dist/fraud-lightgbm-1/report/report.html"

# Rooms of arithmetic: nothing in them reads a clock or serves, so that processors can share them.
SHARED := binned convert coverage dataset optimize publish quality recipe registry report sku source training verify
test: setup-dev            ## run all tests
	@failed=0; \
	$(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadfile $(SHARED:%=tests/%) || failed=1; \
	$(BIN)/python -m pytest -q tests $(SHARED:%=--ignore=tests/%) || failed=1; \
	exit $$failed

check: setup-dev            ## lint, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy packager
	$(BIN)/lint-imports

bench: setup-dev recipes/registry/.trained            ## measure, as ratios, beside the original, the stock converters and the peers
	@mkdir -p .benchmarks
	@grep -v '^#' bench/peers.txt | while read -r peer; do \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$peer" || echo "   $$peer is not to be had here: it is left out"; \
	done
	$(BIN)/python -m pytest -q bench --benchmark-only --benchmark-json=.benchmarks/last.json --benchmark-columns=median,iqr,rounds
	@$(BIN)/python -m bench.table .benchmarks/last.json

bench-serving: setup-dev            ## measure a bundle under its server beside other servers (needs wrk)
	@$(BIN)/python -m bench.serving

clean:            ## remove everything that was made
	rm -rf $(VENV) $(EXTENSION) dist recipes/registry .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
