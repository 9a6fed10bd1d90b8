# The tasks of this project; `make` alone lists them. Each task first makes what it needs, and only what is out of date.
#
# Variables worth setting:
#   PYTHON=/path/to/python3.11   the Python that the environment is made with (else python3.11, python3)
#   REON_BROWSER=/path/to/chrome the browser that is used (else Chromium or Chrome is looked for)
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
#       On Linux, PyPI's torch is the CUDA build with gigabytes of libraries that are not needed here;
#       this takes the CPU build instead. Read by pip, on `make setup`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

PY := .venv/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --no-input --disable-pip-version-check -c reon_export/environment/constraints.txt

LOCK := reon_export/environment/locked-linux-x86_64.txt
PIP_LOCKED := $(PY) -m pip install --quiet --no-input --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r $(LOCK)

SETUP := .venv/.setup-done
NODE_MODULES := web_demo/node_modules/.setup-done
VENDOR := web_demo/vendor/.vendor-done
MODEL := .venv/.model-built

SOURCES := $(shell find reon_export models web_demo/js -type f -not -name '*.pyc') $(wildcard web_demo/parity.html)
VENDOR_SOURCES := $(shell find web_demo/tools -type f 2>/dev/null)

.PHONY: help setup vendor browser build parity readme serve test check lint types drift sbom clean distclean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(SETUP)  ## the Python environment, in .venv (about 4 GB)

vendor: $(VENDOR)  ## the page's JavaScript libraries, in web_demo/vendor

browser: $(SETUP)  ## Chrome or Chromium: found, or installed where that is allowed
	@.ci/ensure-browser $(PY)

build: setup vendor browser $(MODEL)  ## export the default checkpoint to web_demo/model, with its parity check
	@echo "web_demo/model is up to date; look at it with: make serve"

readme: build  ## measure again and write the figures into README.md
	@$(PY) .ci/update_readme.py
	@$(PY) .ci/screenshot.py

parity: build  ## the parity job in every engine that is installed; the report goes to report/
	@$(PY) -m reon_export parity --browser chromium,firefox,webkit --allow-missing firefox,webkit --report report

serve: build  ## serve the page on this machine until Ctrl-C
	@$(PY) -m reon_export serve

# The last line of `make test` is pytest's own: nothing may be printed after it.
test: setup vendor browser lint types  ## everything: lint, types, all tests (minutes)
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup lint types  ## lint, types and the quick tests (under two minutes)
	@$(PY) -m pytest -n 2 -m "not slow and not browser"

lint: $(SETUP)  ## ruff: rules and formatting
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check

types: $(SETUP) $(VENDOR)  ## mypy --strict for Python, tsc for JavaScript
	@$(PY) -m mypy
	@npm --prefix web_demo run --silent check

drift: $(VENDOR)  ## install the newest versions that are allowed, in an environment of their own, and see what breaks
	@$(PY) .ci/drift.py

sbom: setup vendor  ## a bill of materials (CycloneDX) of both sides, in build/sbom
	@.ci/make-sbom $(PY)

clean:  ## remove what was built and every cache; keep .venv and node_modules
	rm -rf web_demo/model web_demo/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist $(MODEL)
	find reon_export tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv and node_modules as well
	rm -rf .venv web_demo/node_modules reon_export.egg-info

$(SETUP): pyproject.toml reon_export/environment/constraints.txt $(LOCK)
	@.ci/make-venv
	@echo "Installing the pinned packages into .venv (about 4 GB; a few minutes)"
	@# The pinned setuptools builds this package and the one dependency that comes as source, instead of
	@# whichever version is the newest that day.
	@$(PIP_INSTALL) setuptools wheel
	@# What has a SHA-256 in the lock is installed by it; torch, and everything on other systems, by version.
	@if [ "$$(uname -sm)" = "Linux x86_64" ]; then $(PIP_LOCKED); fi
	@$(PIP_INSTALL) --no-build-isolation -e '.[export,browser,ray,dev]'
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
