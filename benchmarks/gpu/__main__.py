"""Runs the parts: see `benchmarks/gpu.sh`, which calls this.

python -m gpu [--dry | --tiny] [--parts parity cifar] [--output gpu.json]
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

from gpu import plan
from gpu import protocol
from gpu.report import Report

RESULTS = pathlib.Path(__file__).parents[1] / "results"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--dry", action="store_true", help="tiny sizes, on the processor")
    add("--tiny", action="store_true", help="tiny sizes, on the card")
    names = [part.name for part in plan.parts()]
    add("--parts", nargs="+", choices=names, default=names, metavar="PART")
    add("--output", help="the JSON file; default: gpu.json in $OUT or results")
    add("--kit", default="gpu-kit", help="folder with the images")
    add("--begun", type=float, default=time.time(), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    deadline = time.monotonic() + plan.SECONDS
    deadline -= time.time() - arguments.begun
    parts = [p for p in plan.parts(arguments.dry) if p.name in arguments.parts]
    with tempfile.TemporaryDirectory() as scratch:
        settings = {
            "dry": arguments.dry or arguments.tiny,
            "on_card": not arguments.dry,
            "images": str(pathlib.Path(arguments.kit, "cifar10.npz").resolve()),
            "scratch": scratch,
        }
        run = protocol.run_process(plan.machine(), 30, settings)
        environment = {k: v for row in run["rows"] for k, v in row.items()}
        card = environment.get("card")
        print(f"machine {run['status']}: {card or 'no card'}", flush=True)
        if not (card or arguments.dry):
            print("PyTorch sees no card; --dry runs without.", file=sys.stderr)
            return 2
        # Shares are of the rate that was measured on this card.
        settings["matrix_tflops"] = environment.get("matrix_tflops")
        report = Report(output(arguments), parts, environment, settings)
        fine = protocol.run_parts(parts, report, deadline)
    for part in report.parts:
        print(f"{part['name']:<14} {part['seconds']:6.1f} s  {part['status']}")
    print(f"Written to {report.path}")
    return 0 if fine else 1


def output(arguments):
    """Where to: tiny sizes never replace what a card has measured."""
    if arguments.output:
        return arguments.output
    tiny = arguments.dry or arguments.tiny
    name = "gpu_dry.json" if tiny else "gpu.json"
    folder = os.environ.get("OUT") or (None if tiny else RESULTS)
    return pathlib.Path(folder or tempfile.gettempdir(), name)


if __name__ == "__main__":
    sys.exit(main())
