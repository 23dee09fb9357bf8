"""Looking closer where it matters: a few patches instead of the whole image.

    python examples/glimpses.py --fast        # a look, in a few minutes
    python examples/glimpses.py               # accuracy, one seed
    python examples/glimpses.py --figure      # of what was measured

One digit of 32x32 pixels lies on a canvas among fragments of others, as many a
pixel whatever the canvas. No network has a notion of the canvas, so each goes
on from small canvases to larger ones:

- *dense*: VGG16_bn sees all pixels, and its last map is averaged,
- *dense, quarter size*: the same on a quarter of the pixels a side, the rival
  of all that look closer; digits were drawn with 8x8 pixels and enlarged,
- *dense attention*: *dense*, pooled by attention, from *dense* on 64 pixels,
- *sampling*: `AttentionSampling`, patches of 64x64 pixels, 4 on 256 pixels, 8
  on 512 and 16 on 1,024. What sees them is *dense* of canvases of 64 pixels,
  and stays as it is while where to look is learned, so that neither spoils the
  other; then both learn on together, at a tenth of the rate,
- *sampling, finer*: the same, with places found at twice the resolution,
- *sampling, weighed again*: looks where *sampling, finer* does; its patches are
  seen by *dense, more images* of 64 pixels and count by what they show too, and
  that, with the last layer, is all that learns,
- *sampling, 1 patch*, *random* and *centre* have the weights of *sampling* and
  look elsewhere: at the likeliest place alone, at as many at random, at the
  middle,
- *glimpses*: `RecurrentGlimpses`. It learns to see on 64 pixels, around the
  middle, then to look too, by REINFORCE,
- *glimpses, by gradient*: the same from 128 pixels on, by a crop that has a
  gradient.

results.json in the output folder has what is measured, and `weights` beside it
the networks: one that is there for a canvas and seed is not trained again. What
a step costs is measured by glimpses_costs.py.
"""

import argparse
import functools
import json
import pathlib
import sys

import glimpses_figure
import glimpses_recipe as recipe
import keras
import numpy as np
from glimpses_networks import CONTROLS
from glimpses_networks import NETWORKS
from glimpses_networks import compiled
from glimpses_networks import gflops
from glimpses_networks import hand_on
from glimpses_networks import let_learn

from keras_attention.datasets import DigitsSettings
from keras_attention.datasets import generate
from keras_attention.internals.files import write_text

# Of a canvas of 64 pixels; the number of fragments grows with the area.
CLUTTER = 2.5
TESTED = 512


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    add("--seeds", nargs="+", type=int, default=[0], help="to train with")
    add("--canvas", type=int, default=1024, help="the last to train on")
    add("--apart", action="store_true", help="no learning together")
    add("--splits", nargs="+", default=["test"], help="to measure on")
    add("--output", default="runs/glimpses", help="folder for what is written")
    add("--fast", action="store_true", help="few images, canvases to 256")
    add("--figure", action="store_true", help="draw what there is")
    return parser.parse_args()


class Canvases(keras.utils.PyDataset):
    """Batches of canvases, as bytes, in another order every epoch."""

    def __init__(self, canvas, split, count, seed, batch=32):
        super().__init__()
        self.images, self.labels = drawn(canvas, split, count, seed)
        self.batch = batch
        self.generator = np.random.default_rng(seed) if split == "train" else 0
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = np.arange(len(self.labels))
        if self.generator:
            self.generator.shuffle(self.order)

    def __len__(self):
        return -(-len(self.labels) // self.batch)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch : (index + 1) * self.batch]
        return self.images[chosen], self.labels[chosen]


# Those to train on, to validate with and to test, of one canvas.
@functools.lru_cache(maxsize=3)
def drawn(canvas, split, count, seed):
    """Images `(count, canvas, canvas, 1)` of bytes, and labels."""
    settings = DigitsSettings(
        canvas=canvas,
        scale=(4.0, 4.0),
        fragments=round(CLUTTER * (canvas / 64) ** 2),
        fragment_size=16,
        seed=seed,
        **{split: count},
    )
    images = np.empty((count, canvas, canvas, 1), "uint8")
    labels = np.empty(count, "int64")
    for index, example in enumerate(generate(settings, split)):
        images[index], labels[index] = example["image"], example["label"]
    return images, labels


def accuracy(arguments, found):
    """Trains, from canvas to canvas; yields after each network and seed."""
    folder = pathlib.Path(arguments.output) / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    rows = found.setdefault("rows", [])
    for canvas in recipe.canvases():
        for seed in arguments.seeds:
            for name in arguments.networks:
                known = {(r["model"], r["canvas"], r["seed"]) for r in rows}
                if (
                    canvas > arguments.canvas
                    or canvas not in recipe.stages(name, arguments.fast)
                    or (name, canvas, seed) in known
                ):
                    continue
                model = learned(name, canvas, seed, arguments, folder)
                rows += measured(name, canvas, seed, arguments, model)
                yield


def learned(name, canvas, seed, arguments, folder):
    """The network, trained on from that of the smaller canvas."""
    keras.utils.set_random_seed(seed)
    model, spared = NETWORKS[name](canvas), None
    for source in recipe.before(name, canvas):
        path = folder / weights_name(*source, seed)
        if not path.exists():
            raise ValueError(
                f"{name} on {canvas} pixels goes on from {source[0]} on "
                f"{source[1]}, and there is no {path}."
            )
        known = NETWORKS[source[0]](source[1])
        known.load_weights(path)
        hand_on(known, model, spared)
        spared = "places"
    for stage in recipe.stages(name, arguments.fast, arguments.apart)[canvas]:
        training = Canvases(canvas, "train", stage.images, seed, stage.batch)
        steps = len(training) * stage.epochs
        if stage.learns == "weights":
            head, data = weighing(model, training)
            compiled(head, stage.rate, steps)
            head.fit(*data, stage.batch, epochs=stage.epochs, verbose=0)
            continue
        let_learn(model, stage.learns)
        compiled(model, stage.rate, steps)
        model.fit(training, epochs=stage.epochs, verbose=0)
    compiled(model)  # to be measured, though a part alone may have learned
    model.save_weights(folder / weights_name(name, canvas, seed))
    return model


def weighing(model, canvases):
    """What weighs patches, as a network, and its data: what the rest makes.

    The rest does not learn, and so it looks once.
    """
    labels = canvases.labels[canvases.order]
    between = [
        model.get_layer("patch_sampling").output[1],
        model.get_layer("patch_features").output,
    ]
    seen = keras.Model(model.input, between).predict(canvases, verbose=0)
    return keras.Model(between, model.output), (seen, labels)


def measured(name, canvas, seed, arguments, model):
    """A row of the network, and of each of its controls."""
    models = {name: model}
    for kind, build in CONTROLS.items() if name == "sampling" else ():
        models[kind] = compiled(hand_on(model, build(canvas)))
    own = recipe.stages(name, arguments.fast, arguments.apart)[canvas]
    for kind, judged in models.items():
        row = {
            "model": kind,
            "canvas": canvas,
            "seed": seed,
            "gflops": gflops(judged),
            "seen": sum(stage.images * stage.epochs for stage in own),
        }
        for split in arguments.splits:
            count = 64 if arguments.fast else TESTED
            data = Canvases(canvas, split, count, 0)
            found = judged.evaluate(data, verbose=0, return_dict=True)
            key = "accuracy" if split == "test" else split
            row[key] = round(found["accuracy"], 4)
        print(row, flush=True)
        yield row


def weights_name(name, canvas, seed):
    return f"{name}_{canvas}_{seed}.weights.h5"


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    if arguments.figure:
        drawing = glimpses_figure.draw(found, [*NETWORKS, *CONTROLS])
        drawing.savefig(output / "glimpses.png")
        print(f"Written to {output / 'glimpses.png'}")
        return 0
    found["settings"] = {
        "apart": arguments.apart,
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
