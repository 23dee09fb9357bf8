"""What is where: detectors with and without attention, measured by mAP.

    python examples/detect.py --fast        # a look
    python examples/detect.py               # one seed of every detector
    python examples/detect.py --seeds 3
    python examples/detect.py --data ../shared/data/bccd_320x240.npz --frozen \
        --flip both --crop 32 --epochs 30 --batch-size 8 --rate 2e-3 \
        --whole-epochs 30 --only plain mhsa
    python examples/detect.py --data voc/2007 --size 320 --epochs 60
    python examples/detect.py --data coco/2017 --size 320 --epochs 24

The last two are sets of TensorFlow Datasets, which downloads them. Needs
pip install 'keras-visual-attention[detection]'.

By default: canvases of 64 pixels with four digits among fragments of others,
and small networks on VGG11_bn of an eighth of its channels. *plain* is a
one-stage detector; *1x1* has one more convolution behind the first level of
its pyramid; *se*, *cbam*, *nonlocal* and *aa_conv* have that layer there;
*mhsa* has self-attention, *mhsa, grid CRF* and *mhsa, chain CRF* the same with
weights that neighbouring positions decide on together, and *mhsa, uniform* the
same with all positions weighing alike. *DETR* asks by
learned queries, which attend to the map by a softmax, uniformly or under a
random field. All else of a kind is the same: images, order, epochs, rates.

Photographs are looked at by an EfficientNet-Lite0 on ImageNet's weights. With
--frozen it stays so; --whole-epochs trains all of it afterwards, at another
rate, and the results say what the detector was before. Seeds and detectors that
were trained in several folders are put together by detect_gather.py.

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

import detect_data
import detect_figure
import keras
import numpy as np
from detect_networks import DETECTORS
from detect_training import path_of
from detect_training import row_of

from keras_attention import metrics
from keras_attention.internals.arguments import non_negative_int
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.tasks import detection

DIGITS = {"canvas": 64, "train": 2560, "validation": 100, "test": 300}
FAST = {"canvas": 64, "train": 64, "validation": 16, "test": 32}


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
    add("--zoom", type=float, default=0.0, help="share they are scaled by")
    add("--enlarge", type=int, default=1, help="times, before the backbone")
    add("--frozen", action="store_true", help="the backbone is not trained")
    add("--whole-epochs", type=int, default=0, help="more, of all of it")
    add("--whole-rate", type=float, default=5e-4, help="their highest rate")
    add("--seeds", type=int, default=1, help="trainings of every detector")
    add("--first-seed", type=int, default=0, help="the first of them")
    add("--workers", type=int, default=1, help="threads that read images")
    add("--fast", action="store_true", help="a look: few digits, one epoch")
    add("--only", nargs="*", default=list(DETECTORS), help="which detectors")
    add("--output", default="runs/detect", help="folder for what is written")
    arguments = vars(parser.parse_args())
    if arguments["fast"]:
        arguments.update(epochs=1, detr_epochs=1, seeds=1)
        arguments["whole_epochs"] = min(arguments["whole_epochs"], 1)
    for name in ("size", "epochs", "detr_epochs", "batch_size", "seeds"):
        positive_int(name, arguments[name])
    for name in ("enlarge", "workers"):
        positive_int(name, arguments[name])
    for name in ("whole_epochs", "first_seed"):
        non_negative_int(name, arguments[name])
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


def intervals(rows, objects, folder):
    """How sure `map50` is of these test images, and what it has before others.

    A mean over seeds; 95 % of draws of the test images. The seeds are not
    drawn again. `gain` is what a detector has before *plain*, or before
    *DETR*; `over_start` what it has before what it was with a frozen backbone,
    which `start` is of.
    """
    measures, found = {}, {}
    for row in rows:
        for name in _measured(row):
            with np.load(path_of(folder, name, f"{row['seed']}.npz")) as file:
                measure = detection.map50_of_images(objects, dict(file))
            measures.setdefault(name, []).append(measure)
    images = np.arange(len(objects["labels"]))

    def mean(name, drawn):
        return np.mean([one(drawn) for one in measures[name]])

    def interval(name, beside=None):
        def measure(drawn):
            other = mean(beside, drawn) if beside else 0.0
            return mean(name, drawn) - other

        return measure(images), metrics.bootstrap_interval(measure, images)

    for name in dict.fromkeys(row["detector"] for row in rows):
        beside = {"gain": "DETR" if name.startswith("DETR") else "plain"}
        beside["over_start"] = f"{name}, start"
        _, of_it = interval(name)
        found[name] = {"map50": of_it}
        for key, other in beside.items():
            if other != name and other in measures:
                value, of_it = interval(name, other)
                found[name] |= {key: value, f"{key}_interval": of_it}
        if f"{name}, start" in measures:
            found[name]["start"] = interval(f"{name}, start")[1]
    return found


def _measured(row):
    """The names of files of what a row's detector has found."""
    name = row["detector"]
    return (name, f"{name}, start") if "start" in row else (name,)


def config_of(arguments, parts):
    """What the rows of a folder have in common, as JSON."""
    aside = "seeds", "first_seed", "only", "output", "workers"
    config = {
        "arguments": {k: v for k, v in arguments.items() if k not in aside},
        "images": [len(part[0]) for part in parts],
        "shape": list(parts[0][0].shape[1:]),
        "environment": {
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            **accelerator(),
        },
    }
    return f"{json.dumps(config, indent=2)}\n"


def accelerator():
    """JAX's version, and the name of its device if it is none of the cores."""
    if keras.backend.backend() != "jax":
        return {}
    import jax

    (first, *_) = jax.devices()
    device = {} if first.platform == "cpu" else {"device": first.device_kind}
    return {"jax": jax.__version__, **device}


def write_results(rows, objects, folder):
    """results.json and, of whole courses, curves.png, in order."""
    order = list(DETECTORS)
    rows.sort(key=lambda row: (row["seed"], order.index(row["detector"])))
    results = {"rows": rows, "intervals": intervals(rows, objects, folder)}
    text = f"{json.dumps(results, indent=1)}\n"
    write_text(folder / "results.json", text)
    if all("loss" in row for row in rows):
        detect_figure.curves(rows).savefig(folder / "curves.png")


def draw(rows, test, folder):
    """What the networks of the first seed find, as far as they are there."""
    paths = {row["detector"]: path_of(folder, row["detector"]) for row in rows}
    models = {
        name: keras.saving.load_model(path)
        for name, path in paths.items()
        if path.exists()
    }
    if models:
        figure = detect_figure.draw(models, *test)
        figure.savefig(folder / "detect.png")


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
    there = {(row["detector"], row["seed"]) for row in rows}
    first = arguments["first_seed"]
    for seed in range(first, first + arguments["seeds"]):
        for name in arguments["only"]:
            if (name, seed) in there:
                continue
            row = row_of(name, seed, parts, arguments, folder)
            rows.append(row)
            write_results(rows, parts[2][1], folder)
            print(_told(row), flush=True)
    draw(rows, parts[2], folder)
    courses = [x for row in rows for x in (row, row.get("start")) if x]
    total = sum(course["seconds"] for course in courses)
    print(f"\n{total:.0f} s of training. Written to {folder}")
    return 0


def _told(row):
    """A line of what came of a training."""
    start = row.get("start")
    before = f", before {start['map50']:.3f}" if start else ""
    return (
        f"{row['detector']:<15} seed {row['seed']}: mAP@.5 {row['map50']:.3f}"
        f"{before}, mAP {row['map']:.3f}, {row['seconds']:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
