# Everything happens in .venv; torch comes from whatever index pip is set to.
PYTHON ?= python3
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PLUGINS := $(patsubst plugins/%/pyproject.toml,-e plugins/%,$(filter-out plugins/ray/%,$(wildcard plugins/*/pyproject.toml)))
SOURCES := pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)

.PHONY: demo test test-all check bench docs replay site clean

demo: .venv/demo
	.venv/bin/advbench run --defense scd --attack zoo

test: .venv/dev # two workers; the one that is done takes tests from the other
	.venv/bin/python -m pytest -n 2 --dist worksteal

test-all: .venv/all
	.venv/bin/python -m pytest -n 2 --dist worksteal -m "slow or not slow"

check: .venv/dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q tests/test_architecture.py tests/test_docs.py tests/test_docs_generators.py

bench: .venv/dev
	.venv/bin/python -m tests.bench

docs: .venv/dev
	.venv/bin/python -m tests.generated

replay: .venv/dev # runs the commands in docs/ and puts what they print below them
	.venv/bin/python -m tests.generated.replay

site: .venv/dev
	.venv/bin/python -m mkdocs build --strict

clean:
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python $(SOURCES)
	$(PIP) -e . $(PLUGINS)
	@touch $@

.venv/dev: .venv/bin/python $(SOURCES)
	$(PIP) -e .[dev] $(PLUGINS)
	$(PIP) --no-deps -e plugins/ray # listed, documented and tested without Ray itself
	@touch $@

.venv/all: .venv/dev # Ray is large, and only slow tests need it
	$(PIP) -e plugins/ray
	@touch $@
