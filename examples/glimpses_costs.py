"""What a step of the networks of glimpses.py costs: memory, seconds and so on.

    python examples/glimpses_costs.py            # operations and peak memory
    python examples/glimpses_costs.py --timing   # seconds, on an idle machine

Both go into the results.json of glimpses.py. Peak memory is that of a process
of its own; seconds of different networks are compared within one process, in
turns.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import glimpses
import numpy as np

from keras_attention.internals.files import write_text

CANVASES = (256, 512, 1024)
COST_BATCH = 4
# The others cost what one of these does, or less.
COSTED = ("dense", "dense attention", "sampling", "glimpses")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=glimpses.NETWORKS, default=COSTED)
    add("--output", default="runs/glimpses", help="folder for what is written")
    add("--fast", action="store_true", help="the first canvas alone")
    add("--timing", action="store_true", help="seconds instead")
    add("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def batch(canvas, count=COST_BATCH):
    generator = np.random.default_rng(0)
    images = generator.random((count, canvas, canvas, 1), "float32")
    return images, np.arange(count) % 10


def measure(name, canvas):
    """Operations, and the peak memory of steps in MB, of a process alone.

    The step of training, which keeps more, comes last. All of it is counted
    here: a process begins with the peak of the one that started it, which thus
    must have done nothing.
    """
    model = glimpses.compiled(glimpses.NETWORKS[name](canvas))
    images, labels = batch(canvas)
    found = {
        "gflops": glimpses.gflops(model),
        "parameters": model.count_params(),
        "before_mb": peak(),
    }
    model.predict_on_batch(images)
    found["inference_mb"] = peak()
    model.train_on_batch(images, labels)
    print(json.dumps({**found, "training_mb": peak()}))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def costs(arguments, found):
    """Operations, and memory; a row that is there is not measured again."""
    rows = found.setdefault("costs", [])
    known = {(row["model"], row["canvas"]) for row in rows}
    for canvas in CANVASES[: 1 if arguments.fast else None]:
        for name in arguments.networks:
            if (name, canvas) in known:
                continue
            row = {"model": name, "canvas": canvas, "batch": COST_BATCH}
            output = subprocess.run(
                [sys.executable, __file__, "--measure", name, str(canvas)],
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
            row |= json.loads(output.splitlines()[-1])
            print(row, flush=True)
            rows.append(row)
            yield


def timing(arguments, found):
    """Seconds of a step, in turns; ratios to the first network's."""
    found["timing"] = [
        row
        for row in found.get("timing", ())
        if row["model"] not in arguments.networks
    ]
    for canvas in CANVASES[: 1 if arguments.fast else None]:
        timed(arguments.networks, canvas, found["timing"], rounds=5)
        yield
    if not arguments.fast:
        full = [
            name for name in ("dense", "sampling") if name in arguments.networks
        ]
        timed(full, 1024, found["timing"], rounds=1, count=1, width=1.0)
        yield


def timed(names, canvas, rows, rounds, count=COST_BATCH, width=glimpses.WIDTH):
    models = {
        name: glimpses.compiled(glimpses.NETWORKS[name](canvas, width))
        for name in names
    }
    images, labels = batch(canvas, count)
    for what in ("training", "inference"):
        seconds = {name: [] for name in names}
        for turn in range(rounds + 1):
            for name, model in models.items():
                began = time.perf_counter()
                if what == "training":
                    model.train_on_batch(images, labels)
                else:
                    model.predict_on_batch(images)
                if turn:  # the first one compiles
                    seconds[name].append(time.perf_counter() - began)
        first = seconds[names[0]]
        for name, own in seconds.items():
            ratios = [a / b for a, b in zip(own, first, strict=True)]
            row = {
                "model": name,
                "canvas": canvas,
                "width": width,
                "batch": count,
                "what": what,
                "seconds": statistics.median(own),
                "beside": names[0],
                "ratio": statistics.median(ratios),
                "low": min(ratios),
                "high": max(ratios),
            }
            print(row, flush=True)
            rows.append(row)


def main():
    arguments = parse_arguments()
    if arguments.measure:
        measure(arguments.measure[0], int(arguments.measure[1]))
        return 0
    path = pathlib.Path(arguments.output) / "results.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for _ in (timing if arguments.timing else costs)(arguments, found):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(found, indent=1) + "\n")
    print(f"\nWritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
