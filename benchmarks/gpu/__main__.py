"""Runs the parts: see `benchmarks/gpu.sh`, which calls this.

python -m gpu [--dry | --tiny] [--parts parity cifar=120]
    [--runs "Keras on JAX" "PyTorch, eager"]

Parts and processes that are left out keep what the file says of them, if the
card and the versions are the same.
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
    add("--parts", nargs="+", type=wanted, metavar="PART[=SECONDS]")
    add("--runs", nargs="+", metavar="NAME", help="processes; default: all")
    add("--output", help="the JSON file; default: gpu.json in $OUT or results")
    add("--kit", default="gpu-kit", help="folder with the images")
    add("--begun", type=float, default=time.time(), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    deadline = time.monotonic() + plan.SECONDS
    deadline -= time.time() - arguments.begun
    parts = plan.parts(arguments.dry)
    seconds = dict(arguments.parts or [(part.name, None) for part in parts])
    chosen = list(plan.chosen(parts, seconds, arguments.runs))
    if not chosen:
        parser.error(f"no part has a process named {arguments.runs}")
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
        fine = protocol.run_parts(chosen, report, deadline)
    for part in report.parts:
        print(f"{part['name']:<14} {part['seconds']:6.1f} s  {part['status']}")
    print(f"Written to {report.path}")
    return 0 if fine else 1


def wanted(text):
    """`name` or `name=seconds` of a part."""
    name, _, seconds = text.partition("=")
    names = [part.name for part in plan.parts()]
    if name not in names:
        raise argparse.ArgumentTypeError(f"{name} is none of {names}")
    return name, float(seconds) if seconds else None


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
