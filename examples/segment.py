"""Do gates help a U-Net, and do they look at the object?

    python examples/segment.py                        # digits among clutter
    python examples/segment.py --data ../shared/data  # lesions, pseudo-masks
    python examples/segment.py --dataset oxford_iiit_pet --size 128 \\
        --width 0.25 --epochs 30                      # pets, on a GPU: not run
    python examples/segment.py --fast                 # a look

Four ways to say which pixels are the object's, on the same images:

- *threshold*: brighter, or darker, than a level chosen on the training images;
- *plain*: a U-Net;
- *gates*: the same with the gates of Attention U-Net;
- *open*: the control, with the gates' layers and every weight 1: all that they
  add but attention.

Networks are trained for the cross-entropy and Dice. The Dice of the object is
that of each test image, averaged; those of two networks are compared on the
same images, with a bootstrap interval of the images, seeds averaged. *Energy*
is the share of a gate's weights on the object, *lift* what that is of a
uniform map's. The digits' masks are their boxes; the lesions' were made by a
threshold and are no expert's.

A network of the digits takes about 40 s of one core. On them gates bring no
Dice that could be shown, and the middle one looks at the digit
(docs/evidence.md).

Writes results.json and gates.png to the output folder.
"""

import argparse
import json
import pathlib
import platform
import statistics
import sys
import time

import keras
import numpy as np
import sources

from keras_attention import AttentionExtractor
from keras_attention import datasets
from keras_attention import losses
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.layers import AttentionGate2D
from keras_attention.tasks.segmentation import AttentionUNet

NETWORKS = ("plain", "gates", "open")
FAST = {"size": 32, "train": 16, "test": 8, "epochs": 1, "seeds": 2}
UNKNOWN = 255
# What oxford_iiit_pet calls a pet, what is around it, and the border of both.
PETS = np.array([0, 1, 0, UNKNOWN], "uint8")
SHOWN = 6


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", help="folder of isic_uda1_224.npz; default: digits")
    add("--dataset", help="a set of TFDS with masks")
    add("--size", type=int, default=64, help="height and width")
    add("--train", type=int, default=1000, help="digits to train on")
    add("--test", type=int, default=500, help="digits to test on")
    add("--width", type=float, default=1 / 16, help="of U-Net's 64 to 1024")
    add("--epochs", type=int, default=6, help="of each network")
    add("--seeds", type=int, default=3, help="repetitions")
    add("--fast", action="store_true", help="a look: few digits, one epoch")
    add("--output", default="runs/segment", help="folder for results")
    arguments = vars(parser.parse_args())
    if arguments.pop("fast"):
        arguments.update(FAST)
    for name in ("size", "train", "test", "epochs", "seeds"):
        positive_int(name, arguments[name])
    return arguments


def read(arguments):
    """`(images in [0, 1], classes of pixels)` to train and to test on."""
    size = arguments["size"]
    if arguments["dataset"]:
        splits = datasets.load(
            arguments["dataset"], size=size, supervised=False, batch_size=32
        )
        return [of_batches(part) for part in (splits.train, splits.test)]
    if arguments["data"]:
        path = pathlib.Path(arguments["data"], "isic_uda1_224.npz")
        splits = datasets.from_npz(path, size=size)
        return [of_examples(part) for part in (splits.train, splits.test)]
    settings = datasets.DigitsSettings(
        canvas=size,
        fragments=round(
            sources.FRAGMENTS * (size / sources.FRAGMENTS_SIZE) ** 2
        ),
        train=arguments["train"],
        test=arguments["test"],
    )
    parts = []
    for split in ("train", "test"):
        elements = list(datasets.generate(settings, split))
        pixels, masks = (
            np.stack([element[name] for element in elements])
            for name in ("image", "mask")
        )
        parts.append((as_image(pixels), masks[..., 0]))
    return parts


def of_examples(examples):
    """Without the images of which no mask is known."""
    known = np.flatnonzero(examples.has_mask)
    examples = examples[known]
    return as_image(examples.images), np.asarray(examples.masks)[..., 0]


def of_batches(batches):
    """A set of TFDS in memory."""
    pairs = [(batch["image"], batch["mask"]) for batch in batches]
    images, masks = (
        np.concatenate([keras.ops.convert_to_numpy(x) for x in column])
        for column in zip(*pairs, strict=True)
    )
    return as_image(images), PETS[masks[..., 0]]


def as_image(pixels):
    """float32 in [0, 1]."""
    return np.asarray(pixels).astype("float32") / 255


def threshold(train, test):
    """`(what it is, predictions)` of the best level of grey."""
    images, labels = train
    grey, best = images.mean(-1), (-1, None, None)
    for level in np.linspace(0.05, 0.95, 19):
        for name, found in (("above", grey > level), ("below", grey < level)):
            dice = dice_of(labels, found).mean()
            best = max(best, (dice, name, level), key=lambda one: one[0])
    _, name, level = best
    grey = test[0].mean(-1)
    found = grey > level if name == "above" else grey < level
    return f"{name} {level:.2f}", found


def dice_of(labels, predictions):
    """Of the object in each image, `(batch,)`."""
    scores = metrics.dice_per_class(
        labels, predictions.astype(int), 2, ignore_class=UNKNOWN
    )
    return scores[:, 1]


def iou_of(labels, predictions):
    """As `dice_of`."""
    scores = metrics.iou_per_class(
        labels, predictions.astype(int), 2, ignore_class=UNKNOWN
    )
    return scores[:, 1]


def network(kind, images, arguments):
    """A U-Net that gives logits."""
    model = AttentionUNet(
        images.shape[1:],
        classes=2,
        gates=kind != "plain",
        classifier_activation=None,
        width_multiplier=arguments["width"],
    )
    if kind == "open":
        for layer in model.layers:
            if isinstance(layer, AttentionGate2D):
                kernel, bias = layer.score_dense.weights
                kernel.assign(np.zeros(kernel.shape))
                bias.assign([30.0])  # of which the sigmoid is 1 in float32
                layer.score_dense.trainable = False
    return model


def trained(kind, train, arguments, seed):
    """The network after its epochs, and how long they took."""
    keras.utils.set_random_seed(seed)
    model = network(kind, train[0], arguments)
    steps = arguments["epochs"] * -(-len(train[0]) // 16)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=UNKNOWN
    )
    dice = losses.DiceLoss(ignore_class=UNKNOWN)
    model.compile(
        keras.optimizers.Adam(rate),
        losses.CombinedLoss([dice, cross_entropy]),
    )
    start = time.monotonic()
    keras.utils.set_random_seed(seed)
    model.fit(*train, batch_size=16, epochs=arguments["epochs"], verbose=2)
    return model, time.monotonic() - start


def row_of(model, kind, seed, seconds, test):
    """What is written of a network, its answers, and its gates' maps."""
    images, labels = test
    outputs, maps = AttentionExtractor(model).predict(images, verbose=0)
    predictions = outputs.argmax(-1)
    objects = (labels == 1).astype("float64")
    share = metrics.area_share(objects)
    gates = {}
    for name, weights in maps.items():
        energy = metrics.attention_energy(weights, objects)
        there = np.isfinite(energy)
        gates[name] = {
            "map": list(weights.shape[2:]),
            "energy": float(energy[there].mean()),
            "lift": float(energy[there].mean() / share[there].mean()),
            "mean_weight": float(weights.mean()),
        }
    row = {
        "model": kind,
        "seed": seed,
        "parameters": sum(
            int(np.prod(weight.shape)) for weight in model.trainable_weights
        ),
        "seconds": seconds,
        "dice": float(np.nanmean(dice_of(labels, predictions))),
        "iou": float(np.nanmean(iou_of(labels, predictions))),
        "gates": gates,
    }
    return row, predictions, maps


def gains(labels, answers):
    """The Dice of gates minus that of others: mean and interval of images."""

    def mean(differences):
        return float(np.nanmean(differences))

    dice = {
        kind: np.mean([dice_of(labels, p) for p in runs], axis=0)
        for kind, runs in answers.items()
    }
    found = {}
    for other in ("plain", "open"):
        differences = dice["gates"] - dice[other]
        found[other] = {
            "mean": mean(differences),
            "interval": metrics.bootstrap_interval(mean, differences),
        }
    return found


def draw(path, test, predictions, maps):
    """Truth, prediction and every gate's map below the images."""
    images, labels = (array[:SHOWN] for array in test)
    rows = {"truth": labels == 1, "prediction": predictions[:SHOWN]}
    rows = {name: row[:, None].astype(float) for name, row in rows.items()}
    rows |= {name: weights[:SHOWN] for name, weights in reversed(maps.items())}
    figure = visualization.plot_attention(
        images, rows, outlines=labels == 1, normalize="none"
    )
    figure.savefig(path)


def main():
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        train, test = read(arguments)
        output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"segment.py: error: {error}", file=sys.stderr)
        return 2
    labels = test[1]
    rule, found = threshold(train, test)
    rows = [
        {
            "model": "threshold",
            "rule": rule,
            "dice": float(np.nanmean(dice_of(labels, found))),
            "iou": float(np.nanmean(iou_of(labels, found))),
        }
    ]
    answers = {kind: [] for kind in NETWORKS}
    for seed in range(arguments["seeds"]):
        for kind in NETWORKS:
            print(f"\n{kind}, seed {seed}", flush=True)
            model, seconds = trained(kind, train, arguments, seed)
            row, predictions, maps = row_of(model, kind, seed, seconds, test)
            print(json.dumps(row), flush=True)
            rows.append(row)
            answers[kind].append(predictions)
            if kind == "gates" and seed == 0:
                draw(output / "gates.png", test, predictions, maps)
    results = {
        "arguments": {k: v for k, v in arguments.items() if k != "output"},
        "images": [len(train[0]), len(labels)],
        "object_share": float(metrics.area_share(labels == 1).mean()),
        "rows": rows,
        "gains": gains(labels, answers),
        "environment": {
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            "python": platform.python_version(),
        },
    }
    write_text(output / "results.json", f"{json.dumps(results, indent=1)}\n")
    print(f"\nthreshold ({rule}): Dice {rows[0]['dice']:.3f}")
    for kind in NETWORKS:
        dice = [row["dice"] for row in rows if row["model"] == kind]
        print(
            f"{kind}: Dice {statistics.mean(dice):.3f} ({min(dice):.3f} to "
            f"{max(dice):.3f} over {len(dice)} seeds)"
        )
    for other, gain in results["gains"].items():
        low, high = gain["interval"]
        print(
            f"gates - {other}: {gain['mean']:+.3f} ({low:+.3f} to {high:+.3f})"
        )
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
