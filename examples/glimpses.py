"""Looking closer where it matters: a few patches instead of the whole image.

    python examples/glimpses.py --fast        # a look, in about a minute
    python examples/glimpses.py               # accuracy, one seed
    python examples/glimpses.py --costs       # operations and peak memory
    python examples/glimpses.py --timing      # seconds, on an idle machine
    python examples/glimpses.py --figure      # of what was measured

One digit of 32x32 pixels lies on a canvas of 256 or 512 pixels among fragments
of others, as many a pixel whatever the canvas. All networks have 1/8 of the
channels of VGG16_bn and no notion of the canvas, so each learns on small ones
first, and goes on on larger ones:

- *dense*: VGG16_bn sees all pixels, and its last map is averaged,
- *dense attention*: the same, pooled by attention,
- *sampling*: `AttentionSampling`, 4 patches of 40x40 pixels,
- *sampling, 1 patch*: the same, with one,
- *random*: 4 patches from anywhere,
- *centre*: the patch in the middle,
- *glimpses*: `RecurrentGlimpses`, whose places are learned by REINFORCE,
- *glimpses, by gradient*: the same, by a crop that has a gradient.

Each part writes its own key of results.json in the output folder. Peak memory
is that of a process of its own; seconds of different networks are compared
within one process, in turns.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_attention import count_costs
from keras_attention.datasets import DigitsSettings
from keras_attention.datasets import generate
from keras_attention.features import VGG16BN
from keras_attention.internals.files import write_text
from keras_attention.layers import AttentionPooling2D
from keras_attention.models import ReinforceModel
from keras_attention.tasks import glimpses
from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

PATCH = 40
WIDTH = 0.125
BATCH = 32
# Of a canvas of 64 pixels; the number of fragments grows with the area.
CLUTTER = 2.5
# Canvas: images to train on, and epochs.
STAGES = {64: (2000, 8), 128: (2000, 4), 256: (2000, 2), 512: (500, 1)}
TESTED = 500
CANVASES = (256, 512, 1024)  # of costs and times
GFLOP_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2)
# The others cost what one of these does, or less.
COSTED = ("dense", "dense attention", "sampling", "glimpses")
COST_BATCH = 4


def dense(canvas, width=WIDTH, attention=False):
    """VGG16_bn on all pixels."""
    network = VGG16BN(
        include_top=False,
        input_shape=(canvas, canvas, 1),
        width_multiplier=width,
    )
    pool = (
        AttentionPooling2D(key_dim=32)
        if attention
        else keras.layers.GlobalAveragePooling2D()
    )
    outputs = keras.layers.Dense(10)(pool(network.output))
    return keras.Model(network.input, outputs)


def sampling(canvas, width=WIDTH, num_patches=4, attention_network=None):
    """A few patches."""
    return glimpses.AttentionSampling(
        (canvas, canvas, 1),
        classes=10,
        attention_network=attention_network,
        num_patches=num_patches,
        patch_size=PATCH,
        width_multiplier=width,
        entropy_weight=0.02,
        classifier_activation=None,
        seed=0,
    )


def looking(canvas, width=WIDTH, learn_by="reinforce"):
    """One patch after the other."""
    image = keras.Input((canvas, canvas, 1))
    scales = (1, 4, 16)
    network = VGG16BN(
        include_top=False,
        pooling="avg",
        input_shape=(PATCH, PATCH, len(scales)),
        width_multiplier=width,
    )
    state = glimpses.RecurrentGlimpses(
        num_glimpses=4,
        patch_size=PATCH,
        scales=scales,
        glimpse_network=network,
        learn_by=learn_by,
        seed=0,
    )(image)
    kind = ReinforceModel if learn_by == "reinforce" else keras.Model
    return kind(image, keras.layers.Dense(10)(state))


NETWORKS = {
    "dense": dense,
    "dense attention": lambda *size: dense(*size, attention=True),
    "sampling": sampling,
    "sampling, 1 patch": lambda *size: sampling(*size, num_patches=1),
    "random": lambda *size: sampling(*size, attention_network="uniform"),
    "centre": lambda *size: sampling(
        *size, num_patches=1, attention_network="centre"
    ),
    "glimpses": looking,
    "glimpses, by gradient": lambda *size: looking(*size, learn_by="gradient"),
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, help="all by default")
    add("--seeds", nargs="+", type=int, default=[0], help="to train with")
    add("--canvas", type=int, default=512, help="the last to train on")
    add("--output", default="runs/glimpses", help="folder for what is written")
    add("--fast", action="store_true", help="few images, canvases to 128")
    parts = parser.add_mutually_exclusive_group()
    for part in ("costs", "timing", "figure"):
        parts.add_argument(f"--{part}", action="store_true", help="this part")
    parts.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.networks:
        alike = arguments.costs or arguments.timing
        arguments.networks = [*COSTED] if alike else [*NETWORKS]
    return arguments


class Canvases(keras.utils.PyDataset):
    """Batches of canvases, kept as bytes, in another order every epoch."""

    def __init__(self, canvas, split, count, seed):
        super().__init__()
        settings = DigitsSettings(
            canvas=canvas,
            scale=(4.0, 4.0),
            fragments=round(CLUTTER * (canvas / 64) ** 2),
            fragment_size=16,
            seed=seed,
            **{split: count},
        )
        examples = list(generate(settings, split))
        self.images = np.stack([example["image"] for example in examples])
        self.labels = np.array([example["label"] for example in examples])
        self.generator = np.random.default_rng(seed) if split == "train" else 0
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = np.arange(len(self.labels))
        if self.generator:
            self.generator.shuffle(self.order)

    def __len__(self):
        return -(-len(self.labels) // BATCH)

    def __getitem__(self, index):
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        return self.images[chosen].astype("float32") / 255, self.labels[chosen]


def stages(arguments):
    """`{canvas: (images, epochs)}`."""
    if arguments.fast:
        return {64: (256, 1), 128: (64, 1)}
    return {c: s for c, s in STAGES.items() if c <= arguments.canvas}


def train(name, seed, data, steps):
    """Yields a row a canvas."""
    keras.utils.set_random_seed(seed)
    weights, began = None, time.perf_counter()
    for canvas, (count, epochs) in steps.items():
        model = NETWORKS[name](canvas)
        if weights:
            model.set_weights(weights)
        compiled(
            model, 3e-3 if canvas == 64 else 1e-3, -(-count // BATCH) * epochs
        )
        training, test = data(canvas, seed)
        model.fit(training, epochs=epochs, verbose=0)
        weights = model.get_weights()
        yield {
            "model": name,
            "canvas": canvas,
            "images": count,
            "epochs": epochs,
            "seed": seed,
            "gflops": gflops(model),
            "accuracy": model.evaluate(test, verbose=0, return_dict=True)[
                "accuracy"
            ],
            "training_seconds": time.perf_counter() - began,
        }


def compiled(model, rate=1e-3, steps=100):
    """Ready to train for so many steps."""
    warm_up = steps // 8
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=rate, warmup_steps=warm_up
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def accuracy(arguments, found):
    """Trains; a row that is there already is not trained again."""
    made = {}

    def data(canvas, seed):
        count = stages(arguments)[canvas][0]
        tested = 64 if arguments.fast else TESTED
        if made.get("of") != (canvas, seed):
            made.update(
                of=(canvas, seed), test=Canvases(canvas, "test", tested, 0)
            )
            made["train"] = Canvases(canvas, "train", count, seed)
        return made["train"], made["test"]

    for seed in arguments.seeds:
        for name in arguments.networks:
            known = {
                (r["model"], r["seed"]) for r in found.setdefault("rows", [])
            }
            if (name, seed) in known:
                continue
            rows = []
            for row in train(name, seed, data, stages(arguments)):
                print(row, flush=True)
                rows.append(row)
            found["rows"] += rows
            yield


def gflops(model):
    """Of a forward pass, an image."""
    return count_costs(model).total.flops / 1e9


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
    """Seconds of a step, in turns; ratios to the dense network's."""
    found["timing"] = []
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


def draw(found):
    """Accuracy against operations, and memory and time against the canvas."""
    measured = found.get("costs", ())
    timing = [
        row
        for row in found.get("timing", [])
        if row["what"] == "training" and row["width"] == WIDTH
    ]
    with drawing_style("notebook"):
        panels = 3 if timing else 2
        size = (4.2 * panels, 3.8)
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        first, second, *third = figure.subplots(1, panels)
        for index, name in enumerate(NETWORKS):
            own = [row for row in measured if row["model"] == name]
            if name not in {row["model"] for row in [*found["rows"], *own]}:
                continue
            look = {
                "color": COLOURS[index % len(COLOURS)],
                "marker": "os^vDPXd"[index],
                "label": name,
            }
            points = {}  # one a canvas
            for row in found["rows"]:
                if row["model"] == name:
                    seeds = points.setdefault(row["gflops"], [])
                    seeds.append(100 * row["accuracy"])
            means = [statistics.mean(seeds) for seeds in points.values()]
            first.plot([*points], means, **look)
            second.plot(
                [row["canvas"] for row in own],
                [row["training_mb"] - row["before_mb"] for row in own],
                **look,
            )
            times = [row for row in timing if row["model"] == name]
            for axes in third:
                axes.plot(
                    [row["canvas"] for row in times],
                    [row["ratio"] for row in times],
                    **look,
                )
        first.set(
            xscale="log",
            xlabel="GFLOP an image, from canvas to canvas",
            ylabel="test accuracy, %",
            ylim=(0, 102),
            xticks=GFLOP_TICKS,
            xticklabels=GFLOP_TICKS,
        )
        first.minorticks_off()
        second.set(
            ylabel=f"MB that a training step of {COST_BATCH} images adds"
        )
        second.set_ylim(bottom=0)
        for axes in third:
            axes.set(yscale="log", ylabel="time of a training step, dense = 1")
        for axes in (second, *third):
            axes.set(
                xscale="log",
                xlabel="pixels along a side of the canvas",
                xticks=CANVASES,
                xticklabels=CANVASES,
            )
            axes.minorticks_off()
        figure.legend(
            *first.get_legend_handles_labels(),
            loc="outside lower center",
            ncols=4,
            frameon=False,
            fontsize=8,
        )
    return figure


def main():
    arguments = parse_arguments()
    if arguments.measure:
        measure(arguments.measure[0], int(arguments.measure[1]))
        return 0
    output = pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    if arguments.figure:
        draw(found).savefig(output / "glimpses.png")
        print(f"Written to {output / 'glimpses.png'}")
        return 0
    found["settings"] = {
        "patch": PATCH,
        "width": WIDTH,
        "batch": BATCH,
        "clutter": CLUTTER,
        "tested": TESTED,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    part = (
        costs if arguments.costs else timing if arguments.timing else accuracy
    )
    for _ in part(arguments, found):
        write_text(path, json.dumps(found, indent=1) + "\n")
    print(f"\nWritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
