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
import functools
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from glimpses_networks import NETWORKS
from glimpses_networks import WIDTH
from glimpses_networks import compiled
from glimpses_networks import gflops
from glimpses_networks import let_learn

from keras_attention.internals.files import write_text

CANVASES = (256, 512, 1024)


def searching(*args):
    """*sampling* where only the search is learned."""
    return let_learn(NETWORKS["sampling"](*args), "search")


# *glimpses, by gradient* costs about what *glimpses* does.
COSTED = {
    **{
        name: NETWORKS[name]
        for name in (
            "dense",
            "dense, quarter size",
            "dense attention",
            "sampling",
            "sampling, finer",
            "sampling, weighed again",
            "glimpses",
        )
    },
    "sampling, search alone": searching,
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=COSTED, default=[*COSTED])
    add("--output", default="runs/glimpses", help="folder for what is written")
    add("--canvases", nargs="+", type=int, default=CANVASES)
    add("--batch", type=int, default=4, help="images of a step")
    add("--width", type=float, default=WIDTH, help="of VGG16_bn's channels")
    add("--turns", type=int, default=5, help="of every step that is timed")
    add("--timing", action="store_true", help="seconds instead")
    add("--compiled", action="store_true", help="of compiled steps, on JAX")
    add("--measure", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def batch(canvas, count):
    generator = np.random.default_rng(0)
    images = generator.integers(256, size=(count, canvas, canvas, 1))
    return images.astype("uint8"), np.arange(count) % 10


def measure(name, canvas, count, width):
    """Operations, and the peak memory of steps in MB, of a process alone.

    The step of training, which keeps more, comes last. All of it is counted
    here, and so is what compiles it: a process begins with the peak of the one
    that started it, which thus must have done nothing.
    """
    model = compiled(COSTED[name](canvas, width))
    images, labels = batch(canvas, count)
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
    for canvas in arguments.canvases:
        for name in arguments.networks:
            if (name, canvas) in known:
                continue
            row = {"model": name, "canvas": canvas, "batch": arguments.batch}
            measuring = [name, str(canvas), str(arguments.batch)]
            measuring.append(str(arguments.width))
            output = subprocess.run(
                [sys.executable, __file__, "--measure", *measuring],
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
            row |= json.loads(output.splitlines()[-1])
            print(row, flush=True)
            rows.append(row)
            yield


def timing(arguments, found):
    """Seconds of a step, in turns; ratios to the first network's."""
    for canvas in arguments.canvases:
        models = {
            name: compiled(COSTED[name](canvas, arguments.width))
            for name in arguments.networks
        }
        images, labels = batch(canvas, arguments.batch)
        for what in ("training", "inference"):
            steps = {
                name: functools.partial(model.train_on_batch, images, labels)
                if what == "training"
                else functools.partial(model.predict_on_batch, images)
                for name, model in models.items()
            }
            row = {"canvas": canvas, "batch": arguments.batch, "what": what}
            replace(found, "timing", in_turns(steps, arguments.turns, row))
            yield


def replace(found, key, rows):
    """Rows instead of those of the same step."""

    def step(row):
        return row["model"], row["canvas"], row["what"]

    new = {step(row): row for row in rows}
    found[key] = [r for r in found.get(key, ()) if step(r) not in new]
    found[key] += new.values()


def in_turns(steps, turns, row):
    """Rows of `{network: step}`, beside the first of them in every turn."""
    seconds = {name: [] for name in steps}
    for _ in range(turns):
        for name, step in steps.items():
            step()  # compiles, and takes over the memory of the one before
            began = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - began)
    first, *_ = steps
    for name, own in seconds.items():
        beside = [a / b for a, b in zip(own, seconds[first], strict=True)]
        found = {
            "model": name,
            **row,
            "seconds": statistics.median(own),
            "beside": first,
            "ratio": statistics.median(beside),
            "low": min(beside),
            "high": max(beside),
        }
        print(found, flush=True)
        yield found


def compiled_steps(arguments, found):
    """Seconds and memory of steps alone, images on the device, in turns."""
    import jax

    found["device"] = jax.devices()[0].device_kind
    for canvas in arguments.canvases:
        for what in ("training", "inference"):
            steps = {
                name: Step(name, canvas, what, arguments)
                for name in arguments.networks
            }
            with concurrent.futures.ThreadPoolExecutor() as threads:
                list(threads.map(Step.compile, steps.values()))
            row = {"canvas": canvas, "batch": arguments.batch, "what": what}
            rows = [
                {**row, "mb": steps[row["model"]].megabytes()}
                for row in in_turns(steps, arguments.turns, row)
            ]
            replace(found, "compiled", rows)
            yield


class Step:
    """A step that JAX compiles, which is given the state that it returns."""

    def __init__(self, name, canvas, what, arguments):
        import jax

        network = COSTED[name](canvas, arguments.width)
        model = compiled(network, metrics=())
        model.optimizer.build(model.trainable_variables)
        images, labels = jax.device_put(batch(canvas, arguments.batch))
        self.state = tuple(
            [variable.value for variable in variables]
            for variables in (
                model.trainable_variables,
                model.non_trainable_variables,
                model.optimizer.variables,
                model.metrics_variables,
            )
        )

        def answers(state, images):
            return model.stateless_call(*state[:2], images)[0], state

        training = what == "training"
        self.data = (images, labels) if training else images
        step = model.train_step if training else answers
        self.step = jax.jit(step, donate_argnums=0).lower(self.state, self.data)

    def compile(self):
        """In any thread."""
        self.step = self.step.compile()

    def __call__(self):
        import jax

        found, self.state = self.step(self.state, self.data)
        jax.block_until_ready((found, self.state))

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
        name, canvas, count, width = arguments.measure
        measure(name, int(canvas), int(count), float(width))
        return 0
    path = pathlib.Path(arguments.output) / "results.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    wanted = timing if arguments.timing else costs
    wanted = compiled_steps if arguments.compiled else wanted
    for _ in wanted(arguments, found):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(found, indent=1) + "\n")
    print(f"\nWritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
