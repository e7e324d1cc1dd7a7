# `make help` lists the targets. Every target makes its own environment in .venv first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install train sweep test test-ends torture gradcheck explain play experiments index report notebooks bench bench-tables accelerator lint format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  experiment-NAME  run one experiment"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "jaxmlp needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

$(VENV)/.installed-notebooks: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[notebooks]'
	@touch $@

install: $(VENV)/.installed  ## make the environment and install the project

train: $(VENV)/.installed  ## train the digit classifier (ARGS="--epochs 3" passes options on)
	$(BIN)/python -m jaxmlp.train $(ARGS)

sweep: $(VENV)/.installed  ## try many configurations (ARGS="--grid learning_rate=1e-3,1e-2 seed=0,1")
	$(BIN)/python -m jaxmlp.sweep $(ARGS)

test: $(VENV)/.installed-test  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-ends: $(VENV)/.installed-test  ## test the oldest and the newest Python and packages (ARGS=--both: all)
	$(BIN)/python .ci/ends.py $(ARGS)

torture: $(VENV)/.installed-test  ## kill, damage, forge and fuzz for hours (ARGS="--share 0.01": minutes)
	$(BIN)/python -m tests.torture $(ARGS)

gradcheck: $(VENV)/.installed  ## prove a hand-written gradient (ARGS="--break 3" plants an error)
	$(BIN)/python -m jaxmlp.gradcheck $(ARGS)

explain: $(VENV)/.installed  ## show every number of a forward and backward pass
	$(BIN)/python -m jaxmlp.explain $(ARGS)

play: $(VENV)/.installed  ## build the page to play with, build/play.html (ARGS="--dataset my.csv")
	@mkdir -p build
	$(BIN)/python -m jaxmlp.play --out build/play.html $(ARGS)

experiments: $(VENV)/.installed  ## put every claim to the test (ARGS="--quick" takes seconds each)
	$(BIN)/python -m experiments --all $(ARGS)

experiment-%: $(VENV)/.installed
	$(BIN)/python -m experiments $* $(ARGS)

index: $(VENV)/.installed  ## write the index of the lectures, experiments/LECTURES.md
	$(BIN)/python -m experiments --index

report: $(VENV)/.installed  ## build the book of all experiments that have run
	$(BIN)/python -m experiments --report

notebooks: $(VENV)/.installed-notebooks  ## write exercises and chapters as notebooks, into build/notebooks
	$(BIN)/python -m jaxmlp.exercise --export build/notebooks
	$(BIN)/python -m experiments --notebooks build/notebooks

bench: $(VENV)/.installed-bench  ## time it beside other libraries (ARGS="--only epochs")
	$(BIN)/python -m experiments.bench $(ARGS)

bench-tables: $(VENV)/.installed-bench  ## judge our defaults on real tables (ARGS="--splits 3")
	$(BIN)/python -m experiments.bench.quality $(ARGS)

accelerator: $(VENV)/.installed-test  ## measure a GPU or TPU, whose JAX is installed (ARGS="--minutes 5")
	$(BIN)/python -m experiments.accelerator $(ARGS)

lint: $(VENV)/.installed-test  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-test  ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environments, caches and what was built
	rm -rf $(VENV) .venv-* build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
