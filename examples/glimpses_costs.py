"""What a step of the networks of glimpses.py costs: memory, seconds and so on.

    python examples/glimpses_costs.py            # operations and peak memory
    python examples/glimpses_costs.py --timing   # seconds, on an idle machine
    python examples/glimpses_costs.py --compiled # both, on an accelerator, JAX

All go into the results.json of glimpses.py. Peak memory is that of a process
of its own, or what XLA says that a compiled step needs; seconds of different
networks are compared within one process, in turns.
"""

import argparse
import concurrent.futures
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import keras
import numpy as np
from glimpses_networks import NETWORKS
from glimpses_networks import WIDTH
from glimpses_networks import compiled
from glimpses_networks import gflops

from keras_attention.internals.files import write_text

CANVASES = (256, 512, 1024)
COST_BATCH = 4
# The others cost what one of these does, or less.
COSTED = ("dense", "dense attention", "sampling", "glimpses")
COMPILED_BATCH = 16
# Compiled steps, those first that matter most.
GROUPS = (
    (1024, "training", ("dense", "sampling")),
    (256, "training", ("dense", "sampling")),
    (1024, "inference", ("dense", "sampling")),
    (512, "training", ("dense", "sampling")),
    (1024, "training", ("dense", "dense attention", "glimpses")),
    (256, "inference", ("dense", "sampling")),
    (512, "inference", ("dense", "sampling")),
    (256, "training", ("dense", "dense attention", "glimpses")),
    (512, "training", ("dense", "dense attention", "glimpses")),
)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=COSTED)
    add("--output", default="runs/glimpses", help="folder for what is written")
    add("--fast", action="store_true", help="the first canvas alone")
    add("--timing", action="store_true", help="seconds instead")
    add("--compiled", action="store_true", help="of compiled steps, on JAX")
    add("--limit", type=float, default=1e9, help="seconds, of --compiled")
    add("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def batch(canvas, count=COST_BATCH):
    generator = np.random.default_rng(0)
    images = generator.integers(256, size=(count, canvas, canvas, 1))
    images = images.astype("uint8")
    return images, np.arange(count) % 10


def measure(name, canvas):
    """Operations, and the peak memory of steps in MB, of a process alone.

    The step of training, which keeps more, comes last. All of it is counted
    here: a process begins with the peak of the one that started it, which thus
    must have done nothing.
    """
    model = compiled(NETWORKS[name](canvas))
    images, labels = batch(canvas)
    found = {
        "gflops": gflops(model),
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


def timed(names, canvas, rows, rounds, count=COST_BATCH, width=WIDTH):
    models = {name: compiled(NETWORKS[name](canvas, width)) for name in names}
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
        for row in ratios(seconds, canvas, what, count):
            rows.append({**row, "width": width})


def ratios(seconds, canvas, what, count):
    """Rows of `{network: seconds}`, beside the first network's in turns."""
    first, *_ = seconds
    for name, own in seconds.items():
        beside = [a / b for a, b in zip(own, seconds[first], strict=True)]
        row = {
            "model": name,
            "canvas": canvas,
            "batch": count,
            "what": what,
            "seconds": statistics.median(own),
            "beside": first,
            "ratio": statistics.median(beside),
            "low": min(beside),
            "high": max(beside),
        }
        print(row, flush=True)
        yield row


def compiled_steps(arguments, found):
    """Seconds and memory of steps alone, images on the device, in turns."""
    import jax

    began = time.perf_counter()
    rows = found["compiled"] = []
    found["device"] = jax.devices()[0].device_kind
    found["versions"] = {"jax": jax.__version__, "keras": keras.__version__}
    known = {}
    for canvas, what, names in GROUPS[: 1 if arguments.fast else None]:
        if time.perf_counter() - began > arguments.limit:
            return
        canvas = CANVASES[0] if arguments.fast else canvas
        count = 2 if arguments.fast else COMPILED_BATCH
        new = {
            name: lowered(name, canvas, what, count)
            for name in names
            if (name, canvas, what) not in known
        }
        with concurrent.futures.ThreadPoolExecutor() as threads:
            steps = threads.map(lambda own: own[0].compile(), new.values())
        for (name, (_, state, data)), step in zip(
            new.items(), steps, strict=True
        ):
            known[name, canvas, what] = Step(step, state, data)
        steps = {name: known[name, canvas, what] for name in names}
        seconds = {name: [] for name in names}
        for turn in range(23):
            for name, step in steps.items():
                own = step.seconds()
                if turn > 2:
                    seconds[name].append(own)
        for row in ratios(seconds, canvas, what, count):
            rows.append({**row, "mb": steps[row["model"]].megabytes()})
        yield


def lowered(name, canvas, what, count):
    """A step as JAX lowers it, its state, and data on the device."""
    import jax

    model = compiled(NETWORKS[name](canvas), metrics=())
    model.optimizer.build(model.trainable_variables)
    images, labels = jax.device_put(batch(canvas, count))
    state = tuple(
        [variable.value for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )
    if what == "training":
        step, data = model.train_step, (images, labels)
    else:

        def step(state, images):
            answers, _ = model.stateless_call(*state[:2], images)
            return answers, state

        data = images
    step = jax.jit(step, donate_argnums=0)
    return step.lower(state, data), state, data


class Step:
    """A compiled step, which is given back the state that it returns."""

    def __init__(self, step, state, data):
        self.step, self.state, self.data = step, state, data

    def seconds(self):
        """Of one more."""
        import jax

        began = time.perf_counter()
        found, self.state = self.step(self.state, self.data)
        jax.block_until_ready((found, self.state))
        return time.perf_counter() - began

    def megabytes(self):
        """All that is on the device during a step."""
        size = self.step.memory_analysis()
        return (
            size.temp_size_in_bytes
            + size.argument_size_in_bytes
            + size.output_size_in_bytes
            - size.alias_size_in_bytes
        ) / 2**20


def main():
    arguments = parse_arguments()
    if arguments.measure:
        measure(arguments.measure[0], int(arguments.measure[1]))
        return 0
    path = pathlib.Path(arguments.output) / "results.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    wanted = timing if arguments.timing else costs
    for _ in (compiled_steps if arguments.compiled else wanted)(
        arguments, found
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(found, indent=1) + "\n")
    print(f"\nWritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
