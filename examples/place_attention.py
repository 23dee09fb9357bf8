"""Where does attention on a pretrained network fall? On objects, or beside.

    python examples/place_attention.py --data FOLDER    # of the .npz files

The heads of place.py with attention, on the maps of `block10_add`, with the
settings that place.py chose for groceries. Trained on digits among clutter,
they answer test images whose masks are known exactly. Trained on groceries,
they look at photographs of COCO, which they were not trained for and have no
answer to: do they look at objects there, whatever these are? Beside each share
of the attention stand those of a map fixed at the centre and of a uniform one.

Writes results.json to the output folder.
"""

import argparse
import io
import itertools
import json
import pathlib
import sys

import numpy as np
import place
from PIL import Image

from keras_attention import metrics
from keras_attention.internals.files import write_text
from keras_attention.training import cached_features

CHOSEN = pathlib.Path(__file__).parent / "results" / "place" / "results.json"
SIZE = 160
# Digits of two to three positions of the map, and as many fragments as cover
# about as much.
DIGITS = {
    "train": 2000,
    "validation": 1,
    "test": 500,
    "scale": (4.0, 6.0),
    "fragments": 10,
    "fragment_size": 16,
}
SEEDS = 3


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="../shared/data", help="folder of the .npz files")
    add("--output", default="runs/place_attention", help="for what is written")
    return vars(parser.parse_args())


def coco(folder):
    """All photographs, stretched to squares, and masks of what is in them.

    Returns:
        `(images in [0, 1], masks)`; the background of a mask is 0, and any
        object, crowds among them, is 1.
    """
    with np.load(pathlib.Path(folder, "coco_clean_288.npz")) as file:
        jpeg, offsets, seg = (file[k] for k in ("jpeg", "offsets", "seg"))
    images = [
        np.asarray(
            Image.open(io.BytesIO(jpeg[start:end].tobytes()))
            .convert("RGB")
            .resize((SIZE, SIZE))
        )
        for start, end in itertools.pairwise(offsets)
    ]
    return np.stack(images).astype("float32") / 255, (seg > 0)[..., None]


def falls(maps, labels, classes, chosen, watch, masks, answers=None):
    """Trains the heads, and measures their attention on the watched maps.

    Args:
        maps: array, those to train on.
        labels: int array.
        classes: int.
        chosen: dict of kind of head to its settings.
        watch: array, the maps to look at.
        masks: bool array, of the objects there.
        answers: int array, the right answers there, or `None` where there are
            none. Defaults to `None`.

    Returns:
        One row a head and seed.
    """
    rows = []
    for condition, settings in chosen.items():
        head = {condition: (condition, settings["size"])}
        group = place.Heads(head, maps, classes, settings["weight_decay"])
        epochs = settings["epochs"]
        for seed in range(SEEDS):
            found = group.fit(
                labels, seed, settings["learning_rate"], [epochs], watch
            )
            logits, weights = found[epochs][condition]
            energy = metrics.attention_energy(weights, masks)
            row = {
                "condition": condition,
                "seed": seed,
                "on_object": float(np.nanmean(energy)),
            }
            if answers is not None:
                row["accuracy"] = float(np.mean(logits.argmax(-1) == answers))
            rows.append(row)
        print(f"  {condition}: {row}", flush=True)
    return rows


def measured(name, trained_on, masks, rows):
    """What is written of one kind of images."""
    return {
        "data": name,
        "trained_on": trained_on,
        "images": len(masks),
        "centre": float(np.nanmean(metrics.centre_energy(masks))),
        "uniform": float(np.mean(metrics.area_share(masks))),
        "rows": rows,
    }


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments["output"])
    try:
        images, masks = coco(arguments["data"])
        settings = place.DATA["groceries"]
        shop = place.read("groceries", settings, {**arguments, "fast": False})
        output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"place_attention.py: error: {error}", file=sys.stderr)
        return 2
    (groceries,) = (
        found
        for found in json.loads(CHOSEN.read_text())["data"]
        if found["data"] == "groceries"
    )
    chosen = {
        condition: settings
        for condition, settings in groceries["chosen"].items()
        if not condition.endswith("uniform")
    }
    network = place.network(SIZE, place.PLACES, "imagenet")

    def maps(data):
        # All places, as place.py keeps them.
        found = cached_features(network, data, dtype="float16")
        return np.array(found[place.CHOSEN_AT], "float32")

    digits = place.digits(SIZE, **DIGITS)
    results = []
    for name, train, watched, truth, answers in (
        ("digits", digits.train, digits.test, digits.test.masks,
         digits.test.labels),
        ("COCO", shop.train, images, masks, None),
    ):  # fmt: skip
        print(name, flush=True)
        truth = np.asarray(truth)
        rows = falls(
            maps(train), train.labels, train.classes, chosen,
            maps(watched), truth, answers,
        )  # fmt: skip
        trained_on = "digits" if name == "digits" else "groceries"
        results.append(measured(name, trained_on, truth, rows))
        text = json.dumps({"place": place.CHOSEN_AT, "data": results}, indent=1)
        write_text(output / "results.json", f"{text}\n")
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
