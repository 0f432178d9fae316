# make demo: set up, label a small corpus, open-able report.   make test: set up, run the tests.   Python 3.11 is all it needs.
PYTHON ?= python3.11
PY := .venv/bin/python
export RAY_USAGE_STATS_ENABLED := 0
unexport PYTHONDONTWRITEBYTECODE  # without its cache each of Ray's many processes compiles torch and Ray again

.PHONY: setup demo test test-tflite lint bench clean
setup: .venv/ready
.venv/ready: requirements.lock pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(PY) -m uv pip install --quiet --python $(PY) --require-hashes -r requirements.lock
	$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(PY) scripts/demo.py out/demo

test: setup
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-tflite: .venv-tflite/ready
	.venv-tflite/bin/python -m pytest tests/exporting/test_tflite_file.py
.venv-tflite/ready: setup pyproject.toml
	test -x .venv-tflite/bin/python || $(PYTHON) -m venv .venv-tflite
	$(PY) -m uv pip install --quiet --python .venv-tflite/bin/python -e '.[export,tflite]' pytest pytest-timeout hypothesis
	touch $@

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: setup
	$(PY) scripts/bench.py

clean:
	rm -rf .venv .venv-tflite out
