"""Looking closer where it matters: a few patches instead of the whole image.

    python examples/glimpses.py --fast        # a look, in about a minute
    python examples/glimpses.py               # accuracy, one seed
    python examples/glimpses.py --figure      # of what was measured

One digit of 32x32 pixels lies on a canvas among fragments of others, as many a
pixel whatever the canvas. All networks have 1/8 of the channels of VGG16_bn and
no notion of the canvas, so each goes on from small canvases to larger ones:

- *dense*: VGG16_bn sees all pixels, and its last map is averaged,
- *dense attention*: the same, pooled by attention,
- *sampling*: `AttentionSampling`, patches of 64x64 pixels. What sees them is
  *dense* after canvases of 64 pixels, whose seconds count here too. It learns
  on with 2 patches of canvases of 128, and then stays as it is: on larger ones
  only where to look is learned, with 4 patches,
- *sampling, 1 patch*, *random* and *centre* have the weights of *sampling* and
  look elsewhere: at the likeliest place alone, at as many at random, at the
  middle,
- *glimpses*: `RecurrentGlimpses`, whose places are learned by REINFORCE,
- *glimpses, by gradient*: the same, by a crop that has a gradient.

results.json in the output folder has what is measured, and `weights` beside it
the networks: one that is there for a canvas and seed is not trained again. The
seconds are those of the CPU, without compiling. What a step costs is measured
by glimpses_costs.py.
"""

import argparse
import functools
import json
import pathlib
import sys
import time

import glimpses_figure
import keras
import numpy as np

from keras_attention import count_costs
from keras_attention.datasets import DigitsSettings
from keras_attention.datasets import generate
from keras_attention.features import VGG16BN
from keras_attention.internals.files import write_text
from keras_attention.layers import AttentionPooling2D
from keras_attention.models import ReinforceModel
from keras_attention.tasks import glimpses

PATCH, GLIMPSE = 64, 40
WIDTH = 0.125
BATCH = 32
# Of a canvas of 64 pixels; the number of fragments grows with the area.
CLUTTER = 2.5
TESTED = 500
# Canvas: images to train on, epochs, and the highest rate.
ALL_PIXELS = {
    64: (2000, 8, 3e-3),
    128: (2000, 4, 1e-3),
    256: (2000, 2, 1e-3),
    512: (500, 1, 1e-3),
}
SEARCH = {
    128: (2000, 2, 3e-3),
    256: (2000, 3, 5e-3),
    512: (1000, 2, 5e-3),
    1024: (500, 2, 5e-3),
}
FROZEN = ("patch_features", "predictions")


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


def places(view):
    """Scores of places 16 pixels apart, from 1/8 of the pixels a side."""
    x = view
    for number, filters in enumerate((16, 32, 32), start=1):
        if number == 3:
            x = keras.layers.MaxPooling2D(2, name="places_pool")(x)
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            name=f"places_conv{number}",
        )(x)
        x = keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, name=f"places_bn{number}"
        )(x)
        x = keras.layers.ReLU(name=f"places_relu{number}")(x)
    return keras.layers.Conv2D(1, 1, use_bias=False, name="places_scores")(x)


def sampling(canvas, width=WIDTH, num_patches=None, attention_network=places):
    """A few patches; larger canvases leave what sees them as it is."""
    first = canvas == min(SEARCH)
    model = glimpses.AttentionSampling(
        (canvas, canvas, 1),
        classes=10,
        attention_network=attention_network,
        num_patches=num_patches or (2 if first else 4),
        patch_size=PATCH,
        width_multiplier=width,
        entropy_weight=0.0,
        unit_features=False,
        classifier_activation=None,
        seed=0,
    )
    for name in () if first else FROZEN:
        model.get_layer(name).trainable = False
    return model


def looking(canvas, width=WIDTH, learn_by="reinforce"):
    """One patch after the other."""
    image = keras.Input((canvas, canvas, 1))
    scales = (1, 4, 16)
    network = VGG16BN(
        include_top=False,
        pooling="avg",
        input_shape=(GLIMPSE, GLIMPSE, len(scales)),
        width_multiplier=width,
    )
    state = glimpses.RecurrentGlimpses(
        num_glimpses=4,
        patch_size=GLIMPSE,
        scales=scales,
        glimpse_network=network,
        learn_by=learn_by,
        seed=0,
    )(image)
    kind = ReinforceModel if learn_by == "reinforce" else keras.Model
    return kind(image, keras.layers.Dense(10)(state))


NETWORKS = {
    "dense": dense,
    "dense attention": functools.partial(dense, attention=True),
    "sampling": sampling,
    "glimpses": looking,
    "glimpses, by gradient": functools.partial(looking, learn_by="gradient"),
}
CONTROLS = {
    "sampling, 1 patch": functools.partial(sampling, num_patches=1),
    "random": functools.partial(sampling, attention_network="uniform"),
    "centre": functools.partial(
        sampling, num_patches=1, attention_network="centre"
    ),
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    add("--seeds", nargs="+", type=int, default=[0], help="to train with")
    add("--canvas", type=int, default=1024, help="the last to train on")
    add("--split", default="test", help="validation, to choose settings")
    add("--output", default="runs/glimpses", help="folder for what is written")
    add("--fast", action="store_true", help="few images, canvases to 128")
    add("--figure", action="store_true", help="draw what there is")
    return parser.parse_args()


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
        self.images = np.empty((count, canvas, canvas, 1), "uint8")
        self.labels = np.empty(count, "int64")
        for index, example in enumerate(generate(settings, split)):
            self.images[index] = example["image"]
            self.labels[index] = example["label"]
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


tested = functools.lru_cache(maxsize=1)(Canvases)


class Seconds(keras.callbacks.Callback):
    """CPU seconds of a training: all steps like those behind the first."""

    def on_train_begin(self, logs=None):
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == 1:  # it compiles
            self.began = time.process_time()

    def on_train_end(self, logs=None):
        own = time.process_time() - self.began
        self.seconds = own * self.steps / max(self.steps - 1, 1)


def stages(name, fast=False):
    """`{canvas: (images, epochs, rate)}`."""
    found = SEARCH if name == "sampling" else ALL_PIXELS
    if fast:
        return {c: (64, 1, s[2]) for c, s in found.items() if c <= 128}
    return found


def before(name, canvas):
    """The network and canvas whose weights are gone on with, or `None`."""
    smaller = [size for size in stages(name) if size < canvas]
    if smaller:
        return name, smaller[-1]
    return ("dense", min(ALL_PIXELS)) if name == "sampling" else None


def hand_on(source, target):
    """Weights by the names of layers; a dense network's to its patches'."""
    if "patch_features" not in {layer.name for layer in source.layers}:
        weights = source.get_weights()
        target.get_layer("patch_features").set_weights(weights[:-2])
        target.get_layer("predictions").set_weights(weights[-2:])
        return target
    for layer in target.layers:
        if layer.weights:
            layer.set_weights(source.get_layer(layer.name).get_weights())
    return target


def accuracy(arguments, found):
    """Trains, from canvas to canvas; yields after each network and seed."""
    folder = pathlib.Path(arguments.output) / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    rows = found.setdefault("rows", [])
    known = {(row["model"], row["canvas"], row["seed"]): row for row in rows}
    for canvas in sorted({*ALL_PIXELS, *SEARCH}):
        for seed in arguments.seeds:
            for name in arguments.networks:
                if (
                    canvas > arguments.canvas
                    or canvas not in stages(name, arguments.fast)
                    or (name, canvas, seed) in known
                ):
                    continue
                for row in learn(name, canvas, seed, arguments, folder, known):
                    known[row["model"], canvas, seed] = row
                    print(row, flush=True)
                    rows.append(row)
                yield


def learn(name, canvas, seed, arguments, folder, known):
    """A row of the network, and of each of its controls."""
    count, epochs, rate = stages(name, arguments.fast)[canvas]
    keras.utils.set_random_seed(seed)
    model, source, seconds = NETWORKS[name](canvas), before(name, canvas), 0.0
    if source:
        if (*source, seed) not in known:
            raise ValueError(
                f"{name} on {canvas} pixels goes on from {source[0]} on "
                f"{source[1]}, which is not in {folder.parent} for seed {seed}."
            )
        smaller = NETWORKS[source[0]](source[1])
        smaller.load_weights(folder / weights_name(*source, seed))
        seconds = known[*source, seed]["cpu_seconds"]
        if source[0] == name:
            model.set_weights(smaller.get_weights())
        else:
            hand_on(smaller, model)
    training, clock = Canvases(canvas, "train", count, seed), Seconds()
    compiled(model, rate, len(training) * epochs)
    model.fit(training, epochs=epochs, verbose=0, callbacks=[clock])
    model.save_weights(folder / weights_name(name, canvas, seed))
    models = {name: model}
    if name == "sampling":
        for control, build in CONTROLS.items():
            models[control] = compiled(hand_on(model, build(canvas)))
    del training
    data = tested(canvas, arguments.split, 64 if arguments.fast else TESTED, 0)
    for kind, judged in models.items():
        yield {
            "model": kind,
            "canvas": canvas,
            "images": count,
            "epochs": epochs,
            "seed": seed,
            "gflops": gflops(judged),
            "accuracy": judged.evaluate(data, verbose=0, return_dict=True)[
                "accuracy"
            ],
            "cpu_seconds": seconds + clock.seconds,
        }


def weights_name(name, canvas, seed):
    return f"{name}_{canvas}_{seed}.weights.h5"


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


def gflops(model):
    """Of a forward pass, an image."""
    return count_costs(model).total.flops / 1e9


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    if arguments.figure:
        drawn = glimpses_figure.draw(found, [*NETWORKS, *CONTROLS])
        drawn.savefig(output / "glimpses.png")
        print(f"Written to {output / 'glimpses.png'}")
        return 0
    found["settings"] = {
        "patch": PATCH,
        "glimpse": GLIMPSE,
        "width": WIDTH,
        "batch": BATCH,
        "clutter": CLUTTER,
        "tested": TESTED,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    for _ in accuracy(arguments, found):
        write_text(path, json.dumps(found, indent=1) + "\n")
    print(f"\nWritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
