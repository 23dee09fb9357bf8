"""Runs the notebooks: `python notebooks/run.py [--check] [name ...]`.

A notebook is edited as its percent script. Without `--check` the `.ipynb`
beside it is written anew, outputs included; with it, nothing is written, and
with KERAS_ATTENTION_FAST=1 TensorFlow runs op by op.
"""

import argparse
import os
import pathlib
import sys
import time

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = pathlib.Path(__file__).parent
# Making a graph takes longer than the few steps of the fast mode.
OP_BY_OP = """import tensorflow
tensorflow.config.run_functions_eagerly(True)"""


def is_log(output):
    """Whether an output is TensorFlow's log, which is about this machine."""
    text = "".join(output.get("text", ""))
    return output.get("name") == "stderr" or text.startswith("WARNING:tensor")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings, such as 03")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    scripts = [
        path
        for path in sorted(FOLDER.glob("[0-9]*.py"))
        if path.name.startswith(tuple(arguments.names) or "")
    ]
    if not scripts:
        print(f"run.py: error: no notebook {arguments.names}", file=sys.stderr)
        return 2
    # Left to the kernel: with Agg, as in tests, pyplot would show nothing.
    os.environ.pop("MPLBACKEND", None)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    fast = os.environ.get("KERAS_ATTENTION_FAST") and backend == "tensorflow"
    for script in scripts:
        start = time.perf_counter()
        notebook = jupytext.read(script)
        if fast and arguments.check:
            notebook.cells.insert(0, nbformat.v4.new_code_cell(OP_BY_OP))
        resources = {"metadata": {"path": FOLDER}}
        NotebookClient(notebook, timeout=1800, resources=resources).execute()
        if not arguments.check:
            for cell in notebook.cells:
                if cell.cell_type != "code":
                    continue
                cell["outputs"] = [
                    output
                    for output in cell.get("outputs", [])
                    if not is_log(output)
                ]
            jupytext.write(notebook, script.with_suffix(".ipynb"))
        print(f"{script.stem}: {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
