# One environment for every target.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
READY = $(VENV)/.ready
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Spinning threads slow every convolution down on a busy machine.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test test-long results gpu-kit lint notebooks clean

demo: $(READY)  ## train plain, uniform and attention VGG16_bn; writes runs/demo
	$(BIN)/python examples/train.py

test: $(READY)  ## all tests, doctests included
	$(BIN)/python -m pytest -n auto --dist loadfile

test-long: $(READY)  ## what takes minutes: thirteen networks, killed processes
	$(BIN)/python -m pytest -n auto --dist loadfile -m long tests

results: $(READY)  ## the tables of README.md and docs, from the committed JSON files
	$(BIN)/python examples/results.py --write

gpu-kit: $(READY)  ## what benchmarks/gpu.sh needs on a card without a network
	$(BIN)/python benchmarks/gpu/kit.py

lint: $(READY)  ## style and names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

notebooks: $(READY)  ## run every notebook again, outputs included
	$(BIN)/python notebooks/run.py

$(READY): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test,docs]'
	touch $(READY)

clean:
	rm -rf $(VENV) runs
