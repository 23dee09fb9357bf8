"""Do gates help a U-Net, and do they look at the object?

    python examples/segment.py                        # digits among clutter
    python examples/segment.py --fast                 # a look
    python examples/segment.py --data ../shared/data/isic_uda1_224.npz \\
        --epochs 18                                   # lesions, pseudo-masks
    python examples/segment.py --data FOLDER          # its images and masks
    python examples/segment.py --dataset oxford_iiit_pet --object 1 \\
        --unknown 3 --size 128 --width 0.25 --epochs 30  # a GPU: not run

A folder holds `images` and `masks`, of the same names: pictures, or volumes
as `.npy` of one shape (`segment_data.folder`).

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

Writes results.json and gates.png to the output folder. The same command goes
on where it was stopped, a network at a time.
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
import segment_data
from segment_data import UNKNOWN
from segment_measures import dice_of
from segment_measures import gains
from segment_measures import iou_of
from segment_measures import threshold
from segment_measures import where

from keras_attention import AttentionExtractor
from keras_attention import losses
from keras_attention import visualization
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.layers import AttentionGate2D
from keras_attention.tasks.segmentation import AttentionUNet

NETWORKS = ("plain", "gates", "open")
FAST = {"size": 32, "train": 16, "test": 8, "epochs": 1, "seeds": 1}
SHOWN = 6


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", help="an .npz file or a folder; default: digits")
    add("--dataset", help="a set of TFDS with masks")
    add("--object", type=int, help="its value in masks; default: all but 0")
    add("--unknown", type=int, help="the value of pixels that count nowhere")
    add("--size", type=int, default=64, help="height and width")
    add("--train", type=int, default=1000, help="digits to train on")
    add("--test", type=int, default=500, help="digits to test on")
    add("--width", type=float, default=1 / 16, help="of U-Net's 64 to 1024")
    add("--epochs", type=int, default=6, help="of each network")
    add("--seeds", type=int, default=3, help="repetitions")
    add("--only", nargs="*", default=list(NETWORKS), help="which networks")
    add("--fast", action="store_true", help="a look: few digits, one epoch")
    add("--output", default="runs/segment", help="folder for results")
    arguments = vars(parser.parse_args())
    if arguments.pop("fast"):
        arguments.update(FAST)
    for name in ("size", "train", "test", "epochs", "seeds"):
        positive_int(name, arguments[name])
    for name in arguments["only"]:
        one_of("only", name, NETWORKS)
    return arguments


def read(arguments):
    """`(images in [0, 1], classes of pixels)` to train and to test on."""
    size, values = (
        arguments["size"],
        (arguments["object"], arguments["unknown"]),
    )
    if arguments["dataset"]:
        return segment_data.tfds(arguments["dataset"], size, *values)
    data = arguments["data"]
    if data and data.endswith(".npz"):
        return segment_data.npz(data, size)
    if data:
        return segment_data.folder(data, size, *values)
    return segment_data.digits(size, arguments["train"], arguments["test"])


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


def row_of(kind, seed, parts, arguments, output):
    """Trains a network; what is written of it, and the Dice of each image."""
    train, (images, labels) = parts
    model, seconds = trained(kind, train, arguments, seed)
    outputs, maps = AttentionExtractor(model).predict(images, verbose=0)
    predictions = outputs.argmax(-1)
    if kind == "gates" and seed == 0:
        draw(output / "gates.png", parts[1], predictions, maps)
    dice = dice_of(labels, predictions)
    row = {
        "model": kind,
        "seed": seed,
        "parameters": sum(
            int(np.prod(weight.shape)) for weight in model.trainable_weights
        ),
        "seconds": seconds,
        "dice": float(np.nanmean(dice)),
        "iou": float(np.nanmean(iou_of(labels, predictions))),
        "gates": {
            name: where(weights, labels) for name, weights in maps.items()
        },
    }
    return row, dice


def draw(path, test, predictions, maps):
    """Truth, prediction and every gate's map below the images.

    Of volumes all of these are the slice in the middle.
    """
    images, labels, answers = (array[:SHOWN] for array in (*test, predictions))
    maps = {name: weights[:SHOWN] for name, weights in maps.items()}
    if images.ndim == 5:
        images, labels, answers = (
            array[:, array.shape[1] // 2] for array in (images, labels, answers)
        )
        maps = {name: w[:, :, w.shape[2] // 2] for name, w in maps.items()}
    rows = {"truth": labels == 1, "prediction": answers}
    rows = {name: row[:, None].astype(float) for name, row in rows.items()}
    rows |= dict(reversed(maps.items()))
    figure = visualization.plot_attention(
        images, rows, outlines=labels == 1, normalize="none"
    )
    figure.savefig(path)


def settings_of(arguments, parts):
    """What must be the same for a run to go on."""
    train, test = parts
    aside = "seeds", "only", "output"
    return {
        "arguments": {k: v for k, v in arguments.items() if k not in aside},
        "images": [len(train[0]), len(test[0])],
        "object_share": float((test[1] == 1).mean()),
        "environment": {
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            "python": platform.python_version(),
        },
    }


def begun(path, settings):
    """The rows of the networks that are trained already."""
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    same = all(found[name] == value for name, value in settings.items())
    return [row for row in found["rows"] if "seed" in row] if same else []


def main():
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        parts = read(arguments)
    except (ValueError, OSError) as error:
        print(f"segment.py: error: {error}", file=sys.stderr)
        return 2
    each = output / "dice"
    each.mkdir(parents=True, exist_ok=True)
    settings = settings_of(arguments, parts)
    rule, found = threshold(*parts)
    labels = parts[1][1]
    simple = {
        "model": "threshold",
        "rule": rule,
        "dice": float(np.nanmean(dice_of(labels, found))),
        "iou": float(np.nanmean(iou_of(labels, found))),
    }
    path = output / "results.json"
    rows = begun(path, settings)
    for seed in range(arguments["seeds"]):
        for kind in arguments["only"]:
            if any((kind, seed) == (r["model"], r["seed"]) for r in rows):
                continue
            print(f"\n{kind}, seed {seed}", flush=True)
            row, dice = row_of(kind, seed, parts, arguments, output)
            print(json.dumps(row), flush=True)
            np.save(each / f"{kind}-{seed}.npy", dice)
            rows.append(row)
            rows.sort(key=lambda r: (r["seed"], NETWORKS.index(r["model"])))
            results = {
                **settings,
                "rows": [simple, *rows],
                "gains": gains(dice_of_seeds(each, rows)),
            }
            write_text(path, f"{json.dumps(results, indent=1)}\n")
    tell(json.loads(path.read_text()))
    print(f"\nWritten to {output}")
    return 0


def dice_of_seeds(folder, rows):
    """The Dice of each image, a list of arrays by the kind of network."""
    return {
        kind: [
            np.load(folder / f"{kind}-{row['seed']}.npy")
            for row in rows
            if row["model"] == kind
        ]
        for kind in NETWORKS
    }


def tell(results):
    """The Dice of each kind, and what gates add."""
    simple, *rows = results["rows"]
    print(f"\nthreshold ({simple['rule']}): Dice {simple['dice']:.3f}")
    for kind in dict.fromkeys(row["model"] for row in rows):
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
    print(f"{sum(row['seconds'] for row in rows):.0f} s of training")


if __name__ == "__main__":
    sys.exit(main())
