# Everything a newcomer needs: `make demo`, then `make test`. Both create what they use.
PYTHON ?= python3
PIP := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
BIN := .venv/bin

.PHONY: env lean cpp chromium demo test check format schema clean

env: .venv/.ready
.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) --editable '.[gpu,openvino,report,train,cluster,dev]'
	@touch $@

# What a user of a finished model installs: no torch, no monai.
lean: .venv-lean/.ready
.venv-lean/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-lean
	.venv-lean/bin/python $(PIP) --editable '.[cpu]'
	@touch $@

# The C++ host of export/cpp as build/cpp/translate; as root it installs the Debian packages it needs. Exit code 3 of the
# script: they cannot be had here.
cpp: lean
	export/cpp/build.sh build/cpp .venv-lean/bin/python

demo: env
	$(BIN)/mtranslate demo -o demo --overwrite

# The browser that tests of the page drive. Where it cannot be installed they are skipped, and say so.
chromium:
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null || { [ "$$(id -u)" = 0 ] \
	  && apt-get update -qq && apt-get install -qqy --no-install-recommends chromium > /dev/null; } \
	  || echo 'No chromium: tests in a browser will be skipped. Install it with apt-get as root.'

test: env lean chromium
	@export/cpp/build.sh build/cpp .venv-lean/bin/python > /dev/null || { [ $$? = 3 ] \
	  && echo 'No C++ host (the reason stands above): its tests will be skipped.'; }
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks
	$(BIN)/pytest -q tests/test_layers.py

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After a change of the spec: what hosts in other languages validate against.
schema: env
	$(BIN)/python -m modality_translate.pipeline.schema > export/spec.schema.json

clean:
	rm -rf .venv .venv-lean demo runs build dist *.egg-info
