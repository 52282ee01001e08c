# Two commands do all set-up on a machine with python3 >= 3.11 (with venv) and make: `make sweep` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: sweep test check test-next results results-doc notebooks lock format clean

sweep: $(VENV)/installed  ## the headline: 20 runs, and how their success compares with the paper's
	$(BIN)/python -m flipflop.run -m seed=0..9 regime=sequential,parallel figures=true

# Tests are handed out one by one, and the last of one process's go to the other; slow ones by file, which share sweeps.
# Two processes by name, as on any more cores what the tests start themselves has room.
ON_TWO_CORES := -n 2 --dist worksteal

test: $(VENV)/installed  ## lint, types and the quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -m "not slow" $(ON_TWO_CORES)

check: test  ## `make test` and what is slower: sweeps that are killed and corrupted, a browser, the notebooks
	$(BIN)/pytest -q -m slow -n 2 --dist loadfile
	$(BIN)/pytest -q --nbmake analysis

# The tests of `make test-next`; continuous integration runs a part of them.
NEXT := -m "not slow" --ignore tests/results/test_notebooks.py
test-next: .venv-next/installed  ## the quick tests with the next line of Hydra, in an environment of its own
	.venv-next/bin/pytest -q $(NEXT)

notebooks: $(VENV)/installed  ## execute the notebooks anew, from their sources in analysis/*.py
	$(BIN)/jupytext --quiet --to ipynb analysis/*.py
	$(BIN)/pytest -q --nbmake --overwrite analysis

# What a solution costs follows from how many steps it takes: the sweep of that name.
SWEEP = $(if $(filter cost,$(Q)),data_movement,$(Q))
results: $(VENV)/installed  ## answer a question of sweeps/ anew: make results Q=ablations; resumes
	$(BIN)/python -m flipflop.run -cn $(SWEEP) name=$(SWEEP)
	$(if $(filter cost,$(Q)),$(BIN)/python -m flipflop.cli.cost_growth outputs/sweeps/$(SWEEP) docs/results/cost.csv)
	$(BIN)/python -m flipflop.document $(Q)

results-doc: $(VENV)/installed  ## RESULTS.md from the rows in docs/results/, without training
	$(BIN)/python -m flipflop.document

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Exact versions with hashes; made again only where the lock or the packaging changed.
$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("flipflop needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv-next/installed: requirements-next.lock pyproject.toml
	$(PYTHON) -m venv .venv-next
	.venv-next/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-next.lock
	.venv-next/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lock:  ## resolve the dependencies of pyproject.toml anew (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock
	uv pip compile pyproject.toml requirements-next.in --extra joblib-launcher --extra dask --extra slurm \
		--universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade --output-file requirements-next.lock

clean:
	rm -rf $(VENV) .venv-next dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
