# The tasks of this project; `make` alone lists them. Each task first makes what it needs, and only what is out of date.
#
# Variables worth setting:
#   PYTHON=/path/to/python3   the Python that the environment is made with, 3.11 to 3.14 (else the first that is found)
#   REON_BROWSER=/path/to/chrome the browser that is used (else Chromium or Chrome is looked for)
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
#       On Linux, PyPI's torch is the CUDA build with gigabytes of libraries that are not needed here;
#       this takes the CPU build instead. Read by pip, on `make setup`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
# Where it is set, each of the hundreds of processes that the tests start compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
SETUP := .venv/.setup-done
TEST_SETUP := .venv/.test-setup-done
PINS := pyproject.toml .ci/pip-install $(wildcard reon_export/environment/*.txt)
NODE_MODULES := web_demo/node_modules/.setup-done
VENDOR := web_demo/vendor/.stamp
MODEL := .venv/.model-built

SOURCES := $(shell find reon_export models web_demo/js -type f -not -name '*.pyc') $(wildcard web_demo/parity.html)
VENDOR_SOURCES := $(shell find web_demo/tools web_demo/kernels web_demo/js -type f 2>/dev/null)

.PHONY: help setup vendor browser build parity readme serve test check lint types bench-peers drift wheel sbom clean distclean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(SETUP)  ## the Python environment of the main job, in .venv (about 2 GB)

vendor: $(VENDOR)  ## the page's JavaScript libraries, in web_demo/vendor

browser: $(SETUP)  ## Chrome or Chromium: found, or installed where that is allowed
	@.ci/ensure-browser $(PY)

build: setup vendor browser $(MODEL)  ## export the default checkpoint to web_demo/model, with its parity check
	@echo "web_demo/model is up to date; look at it with: make serve"

readme: build $(TEST_SETUP)  ## measure again and write the figures into README.md
	@$(PY) .ci/update_readme.py
	@$(PY) .ci/screenshot.py

parity: build  ## the parity job in every engine that is installed; the report goes to report/
	@$(PY) -m reon_export parity --browser chromium,firefox,webkit --allow-missing firefox,webkit --report report

serve: build  ## serve the page on this machine until Ctrl-C
	@$(PY) -m reon_export serve

# The last line of `make test` is pytest's own: nothing may be printed after it.
test: $(TEST_SETUP) vendor browser lint types  ## everything: lint, types, all tests (minutes)
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(TEST_SETUP) lint types  ## lint, types and the quick tests (a minute)
	@$(PY) -m pytest -n 2 -m "not slow and not browser"

lint: $(TEST_SETUP)  ## ruff: rules and formatting
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check

types: $(TEST_SETUP) $(VENDOR)  ## mypy --strict for Python, tsc for JavaScript
	@$(PY) -m mypy
	@npm --prefix web_demo run --silent check

bench-peers: $(NODE_MODULES)  ## what bench compares with: onnxruntime-web and LiteRT.js, in web_demo/bench
	@npm --prefix web_demo/bench ci --no-audit --no-fund --loglevel=error
	@web_demo/node_modules/.bin/esbuild web_demo/bench/node_modules/@litertjs/core/dist/index.js --bundle --format=esm --log-level=warning --outfile=web_demo/bench/node_modules/litert.mjs

drift: $(TEST_SETUP) $(VENDOR)  ## install the newest versions that are allowed, in an environment of their own, and see what breaks
	@$(PY) .ci/drift.py

wheel: vendor $(SETUP)  ## a wheel with the page and the default checkpoint inside, in dist
	@rm -rf build/lib
	@$(PY) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

sbom: $(TEST_SETUP) vendor  ## a bill of materials (CycloneDX) of both sides, in build/sbom
	@.ci/make-sbom $(PY)

clean:  ## remove what was built and every cache; keep .venv and node_modules
	rm -rf web_demo/model web_demo/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist $(MODEL)
	find reon_export tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv and node_modules as well
	rm -rf .venv web_demo/node_modules reon_export.egg-info

$(SETUP): $(PINS)
	@.ci/make-venv
	@echo "Installing the pinned packages into .venv (about 2 GB; a minute or two)"
	@.ci/pip-install locked-linux-x86_64.txt export,browser
	@touch $@

$(TEST_SETUP): $(SETUP)
	@echo "Installing what the tests need besides: the second converter, Ray, linters (about 3 GB; minutes)"
	@.ci/pip-install locked-test-linux-x86_64.txt export,browser,onnx2tf,ray,dev
	@touch $@

$(NODE_MODULES): web_demo/package.json web_demo/package-lock.json
	@.ci/ensure-node
	@npm --prefix web_demo ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VENDOR): $(NODE_MODULES) $(VENDOR_SOURCES)
	@npm --prefix web_demo run --silent vendor
	@touch $@

$(MODEL): $(SETUP) $(VENDOR) $(SOURCES)
	@$(PY) -m reon_export build
	@touch $@

# The stamp says when the model folder was built, not that it is still there.
ifeq ($(wildcard web_demo/model/manifest.json),)
$(MODEL): FORCE
endif
.PHONY: FORCE
FORCE:
