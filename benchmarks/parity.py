"""How far the layers are from other implementations of the same formulas.

    python benchmarks/parity.py

Runs the tests that compare with timm, PyTorch, entmax and NumPy on the three
backends, and notes the largest difference of all outputs and weights. Needs
JAX and PyTorch. Writes benchmarks/results/parity.json and .md.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
TESTS = "tests/layers tests/ops tests/features/torchvision_weights_test.py"


def run(backend):
    """`{(what, reference): largest difference}` on one backend."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-m", "computing"),
                *("-k", "equals or equal", f"--junitxml={report}"),
                *TESTS.split(),
            ],
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": backend},
            check=True,
        )
        found = {}
        for note in ElementTree.parse(report).iter("property"):
            if note.get("name") == "parity":
                *names, difference = note.get("value").split("|")
                names = tuple(names)
                found[names] = max(found.get(names, 0), float(difference))
    return found


def main():
    found = {backend: run(backend) for backend in BACKENDS}
    rows = [
        {
            "what": what,
            "reference": reference,
            **{backend: found[backend][what, reference] for backend in found},
        }
        for what, reference in sorted(found["tensorflow"])
    ]
    text = json.dumps({"rows": rows}, indent=2)
    (RESULTS / "parity.json").write_text(text + "\n")
    lines = [
        f"| ours | reference | {' | '.join(BACKENDS.values())} |",
        "|---|---|" + "---|" * len(BACKENDS),
    ]
    for row in rows:
        numbers = " | ".join(f"{row[backend]:.0e}" for backend in BACKENDS)
        lines.append(f"| `{row['what']}` | {row['reference']} | {numbers} |")
    table = "\n".join(lines)
    (RESULTS / "parity.md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
