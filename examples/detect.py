"""What is where: detectors with and without attention, measured by mAP.

    python examples/detect.py --fast        # a look
    python examples/detect.py               # one seed of every detector
    python examples/detect.py --seeds 3
    python examples/detect.py --data ../shared/data/bccd_320x240.npz --frozen \
        --flip both --epochs 30 --batch-size 8 --only plain mhsa
    python examples/detect.py --data voc/2007 --size 320 --epochs 60
    python examples/detect.py --data coco/2017 --size 320 --epochs 24

The last two are sets of TensorFlow Datasets, which downloads them. Needs
pip install 'keras-visual-attention[detection]'.

By default: canvases of 64 pixels with four digits among fragments of others,
and small networks on VGG11_bn of an eighth of its channels. *plain* is a
one-stage detector; *1x1* has one more convolution behind the first level of
its pyramid; *mhsa* has self-attention there, *mhsa, grid CRF* and *mhsa, chain
CRF* the same with weights that neighbouring positions decide on together, and
*mhsa, uniform* the same with all positions weighing alike. *DETR* asks by
learned queries, which attend to the map by a softmax, uniformly or under a
random field. All else of a kind is the same: images, order, epochs, rates.

One seed of a one-stage detector is half a minute of a core. See
docs/evidence.md.

Writes results.json, config.json, detect.png, curves.png, the networks and what
they found to the output folder. The same command goes on where it was stopped,
a network at a time.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import time

import detect_data
import detect_figure
import keras
import numpy as np

from keras_attention import VGG11BN
from keras_attention import EfficientNetLite0
from keras_attention import alignments
from keras_attention import datasets
from keras_attention import layers
from keras_attention import metrics
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.tasks import detection

DIGITS = {"canvas": 64, "train": 2560, "validation": 100, "test": 300}
FAST = {"canvas": 64, "train": 64, "validation": 16, "test": 32}
CHANNELS = 32
ALIGNMENTS = {
    "grid CRF": alignments.get("grid_crf", normalize=True),
    "chain CRF": alignments.get("chain_crf", normalize=True),
    # So hot that all positions weigh the same.
    "uniform": alignments.get("softmax", temperature=1e6),
}


def self_attention(alignment="softmax"):
    return {"attention": layers.get("mhsa", num_heads=2, alignment=alignment)}


DETECTORS = {
    "plain": {},
    "1x1": {"attention": keras.layers.Conv2D(CHANNELS, 1, name="level1_1x1")},
    "mhsa": self_attention(),
    **{f"mhsa, {key}": self_attention(x) for key, x in ALIGNMENTS.items()},
    "DETR": {"alignment": "softmax"},
    **{f"DETR, {key}": {"alignment": x} for key, x in ALIGNMENTS.items()},
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="digits", help="digits, an .npz file, or of TFDS")
    add("--size", type=int, default=320, help="of the images of TFDS")
    add("--epochs", type=int, default=6, help="of a one-stage detector")
    add("--detr-epochs", type=int, default=6, help="of a DETR")
    add("--batch-size", type=int, default=32, help="images a step")
    add("--rate", type=float, default=4e-3, help="the highest learning rate")
    add("--flip", help="horizontal, vertical or both: images in training")
    add("--crop", type=int, default=0, help="pixels that they are shifted by")
    add("--frozen", action="store_true", help="the backbone is not trained")
    add("--seeds", type=int, default=1, help="trainings of every detector")
    add("--fast", action="store_true", help="a look: few digits, one epoch")
    add("--only", nargs="*", default=list(DETECTORS), help="which detectors")
    add("--output", default="runs/detect", help="folder for what is written")
    arguments = vars(parser.parse_args())
    if arguments["fast"]:
        arguments.update(epochs=1, detr_epochs=1, seeds=1)
    for name in ("size", "epochs", "detr_epochs", "batch_size", "seeds"):
        positive_int(name, arguments[name])
    for name in arguments["only"]:
        if name not in DETECTORS:
            known = ", ".join(DETECTORS)
            raise ValueError(f"--only takes {known}. Received: {name}")
    return arguments


def read(arguments):
    """A training, a validation and a test set."""
    name = arguments["data"]
    if name == "digits":
        return detect_data.digits(**(FAST if arguments["fast"] else DIGITS))
    if name.endswith(".npz"):
        return detect_data.npz(name)
    return detect_data.tfds(name, arguments["size"])


def build(name, images, classes, frozen=False):
    """A detector of an image's pixels from 0 to 255."""
    options = dict(DETECTORS[name])
    if images.shape[-1] == 1:
        backbone = VGG11BN(
            include_top=False,
            input_shape=images.shape[1:],
            width_multiplier=0.125,
        )
        levels, scale = ("block3_pool", "block4_pool"), {"scale": 1 / 255}
    else:
        # Photographs: on ImageNet's weights.
        backbone = EfficientNetLite0(
            include_top=False, weights="imagenet", input_shape=images.shape[1:]
        )
        levels = ("block4_add", "block10_add", "head_relu")
        scale = {"scale": 1 / 128, "offset": -127 / 128}
    # A DETR reads one map; what is behind it would have no gradient.
    levels = levels[:1] if name.startswith("DETR") else levels
    backbone.trainable = not frozen
    pixels = keras.Input(images.shape[1:])
    x = keras.layers.Rescaling(**scale)(pixels)
    outputs = [backbone.get_layer(level).output for level in levels]
    maps = keras.Model(backbone.inputs, outputs, name="backbone")(x)
    named = [
        keras.layers.Identity(name=level)(each)
        for level, each in zip(levels, maps, strict=True)
    ]
    backbone = keras.Model(pixels, named)
    if name.startswith("DETR"):
        options |= {"num_queries": 12, "num_encoders": 1}
        return detection.DETR(backbone, classes, levels[0], **options)
    if "attention" in options:
        options["attention"] = {"level1": options["attention"]}
    return detection.OneStageDetector(
        backbone, classes, levels, channels=CHANNELS, head_convs=1, **options
    )


def train(model, parts, arguments, seed):
    """Trains it; `(history, seconds)`."""
    (images, objects, _), (watched, watched_objects, _), _ = parts
    augment = datasets.Augmentation(
        flip=arguments["flip"], crop=arguments["crop"], seed=seed
    )
    batches = detect_data.Batches(
        images, objects, augment, seed, arguments["batch_size"]
    )
    detr = model.assignment == "matching"
    epochs = arguments["detr_epochs" if detr else "epochs"]
    steps = len(batches) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - steps // 10,
        warmup_target=arguments["rate"] * (0.25 if detr else 1.0),
        warmup_steps=max(1, steps // 10),
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=10.0)
    )
    watch = detection.MeanAveragePrecision(
        watched.astype("float32"),
        watched_objects,
        every=max(1, epochs // 10),
    )
    start = time.perf_counter()
    history = model.fit(
        batches, epochs=epochs, callbacks=[watch], verbose=0
    ).history
    return history, time.perf_counter() - start


def row_of(name, seed, parts, arguments, folder):
    """Trains a detector, and measures it."""
    keras.utils.set_random_seed(seed)
    (images, _, names), _, (test_images, test_objects, _) = parts
    model = build(name, images, len(names), arguments["frozen"])
    history, seconds = train(model, parts, arguments, seed)
    found = model.detect(test_images.astype("float32"))
    result = detection.mean_average_precision(
        test_objects, found, names, image_size=images.shape[1:3]
    )
    np.savez_compressed(path_of(folder, name, f"{seed}.npz"), **found)
    if seed == 0:
        model.save(path_of(folder, name))
    return {
        "detector": name,
        "seed": seed,
        "parameters": model.count_params(),
        "seconds": seconds,
        "loss": history["loss"],
        "validation": history["val_map50"],
        # JSON has no NaN: no class without an object, no size without one.
        **{key: value for key, value in result.items() if value == value},
    }


def path_of(folder, name, kind="keras"):
    """Where the network of the first seed is, or what a seed's has found."""
    return folder / f"{name.replace(', ', '_').replace(' ', '_')}.{kind}"


def intervals(rows, objects, folder):
    """How sure `map50` is of these test images, and what it has before plain.

    A mean over seeds; 95 % of draws of the test images. The seeds are not
    drawn again.
    """
    measures, found = {}, {}
    for row in rows:
        path = path_of(folder, row["detector"], f"{row['seed']}.npz")
        with np.load(path) as file:
            measure = detection.map50_of_images(objects, dict(file))
        measures.setdefault(row["detector"], []).append(measure)
    images = np.arange(len(objects["labels"]))

    def mean(name):
        return lambda drawn: np.mean([one(drawn) for one in measures[name]])

    def gain(name):
        return lambda drawn: mean(name)(drawn) - mean("plain")(drawn)

    for name in measures:
        found[name] = {"map50": metrics.bootstrap_interval(mean(name), images)}
        if name != "plain" and "plain" in measures:
            found[name]["gain"] = gain(name)(images)
            found[name]["gain_interval"] = metrics.bootstrap_interval(
                gain(name), images
            )
    return found


def config_of(arguments, parts):
    """What the rows of a folder have in common, as JSON."""
    aside = "seeds", "only", "output"
    config = {
        "arguments": {k: v for k, v in arguments.items() if k not in aside},
        "images": [len(part[0]) for part in parts],
        "shape": list(parts[0][0].shape[1:]),
        "environment": {
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
        },
    }
    return f"{json.dumps(config, indent=2)}\n"


def write_results(path, rows, found):
    results = {"rows": rows, "intervals": found}
    write_text(path, f"{json.dumps(results, indent=1)}\n")


def main():
    try:
        arguments = parse_arguments()
        parts = read(arguments)
    except (ValueError, OSError) as error:
        print(f"detect.py: error: {error}", file=sys.stderr)
        return 2
    folder = pathlib.Path(arguments["output"])
    folder.mkdir(parents=True, exist_ok=True)
    text = config_of(arguments, parts)
    path, rows = folder / "results.json", []
    if path.exists() and (folder / "config.json").read_text() == text:
        rows = json.loads(path.read_text())["rows"]
    write_text(folder / "config.json", text)
    order = list(DETECTORS)
    there = {(row["detector"], row["seed"]) for row in rows}
    for seed in range(arguments["seeds"]):
        for name in arguments["only"]:
            if (name, seed) in there:
                continue
            row = row_of(name, seed, parts, arguments, folder)
            rows.append(row)
            rows.sort(key=lambda r: (r["seed"], order.index(r["detector"])))
            write_results(path, rows, {})
            print(
                f"{name:<15} seed {seed}: mAP@.5 {row['map50']:.3f}, mAP "
                f"{row['map']:.3f}, {row['seconds']:.0f} s",
                flush=True,
            )
    models = {
        name: keras.saving.load_model(path_of(folder, name))
        for name in dict.fromkeys(r["detector"] for r in rows if not r["seed"])
    }
    write_results(path, rows, intervals(rows, parts[2][1], folder))
    figure = detect_figure.draw(models, *parts[2])
    figure.savefig(folder / "detect.png")
    detect_figure.curves(rows).savefig(folder / "curves.png")
    total = sum(row["seconds"] for row in rows)
    print(f"\n{total:.0f} s of training. Written to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
