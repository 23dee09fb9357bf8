"""Where does attention on a pretrained network help? The place decides.

    python examples/place.py --data FOLDER    # of the .npz files; 33 minutes
    python examples/place.py --fast           # a look: digits, random weights

The maps of a frozen EfficientNet-Lite0 (ImageNet) at five depths are computed
once. On each, small heads classify groceries on the shelf (81 classes) and
lesions (melanoma or benign): a map becomes a vector, by uniform pooling, by a
learned 1x1 convolution and uniform pooling, or by one or four maps of learned
attention, and a linear classifier follows. The 1x1 convolution is the control
that attention has to beat: it learns as much and looks everywhere alike.

Learning rate, weight decay, width and epochs are chosen for each kind of head
on validation images at one place (`block10_add`), with other seeds than those
of the results. Test images are answered once, with what was chosen.

33 minutes were those of half a core, beside other work. On groceries softmax is
ahead of the control inside the network, by up to 6 points with one map and 10
with four, and behind at its end; on lesions it is behind (docs/evidence.md).

Writes results.json, config.json and place.png to the output folder. The same
command goes on where it was stopped, a data set at a time.
"""

import argparse
import itertools
import json
import os
import pathlib
import platform
import sys
import time

import keras
import numpy as np
import place_figure
import sources
from place_heads import CONDITIONS
from place_heads import Heads

from keras_attention import EfficientNetLite0
from keras_attention import datasets
from keras_attention import metrics
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.internals.files import written_whole
from keras_attention.training import cached_features

PLACES = (
    "block4_add",
    "block7_add",
    "block10_add",
    "block14_add",
    "head_relu",
)
CHOSEN_AT = "block10_add"
# Larger maps are averaged down to less than twice this side.
SIDE = 10
# Enough epochs for either: the lesions are a seventh as many, and so few to
# choose by that two seeds choose.
DATA = {
    "groceries": {
        "file": "grocery_128.npz",
        "size": 160,
        "epochs": (4, 8, 12),
        "selection_seeds": (100,),
    },
    "lesions": {
        "file": "isic_uda1_224.npz",
        "size": 160,
        "epochs": (5, 10, 15),
        "selection_seeds": (100, 101),
    },
}
# Of which one combination is chosen for each kind of head.
GRID = {
    "learning_rate": (3e-3, 1e-2),
    "weight_decay": (0.01, 0.3),
    "size": (16, 32),
}
FAST = {
    "data": {"digits": {"size": 64, "epochs": (1,), "selection_seeds": (100,)}},
    "grid": {name: values[:1] for name, values in GRID.items()},
    "places": PLACES[2::2],
    "seeds": 2,
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="../shared/data", help="folder of the .npz files")
    add("--seeds", type=int, default=5, help="trainings of every head")
    add("--fast", action="store_true", help="a look: digits, random weights")
    add("--output", default="runs/place", help="folder for what is written")
    arguments = vars(parser.parse_args())
    positive_int("seeds", arguments["seeds"])
    settings = {
        "data": DATA,
        "grid": GRID,
        "places": PLACES,
        "seeds": arguments["seeds"],
    }
    return arguments, FAST if arguments["fast"] else settings


def read(name, settings, arguments):
    """A `Splits` of `Examples`."""
    if arguments["fast"]:
        return digits(settings["size"])
    path = pathlib.Path(arguments["data"], settings["file"])
    return sources.examples(str(path), settings["size"])


def digits(size, train=64, validation=32, test=32, **clutter):
    """Digits among clutter in colour, with masks."""
    settings = datasets.DigitsSettings(
        canvas=size,
        colour=True,
        train=train,
        validation=validation,
        test=test,
        **clutter,
    )
    parts = []
    for split in ("train", "validation", "test"):
        elements = list(datasets.generate(settings, split))
        columns = {
            name: [element[name] for element in elements]
            for name in ("image", "label", "mask")
        }
        parts.append(
            datasets.from_arrays(
                columns["image"],
                columns["label"],
                class_names=[str(digit) for digit in range(10)],
                masks=columns["mask"],
            )
        )
    return datasets.Splits(*parts, None)


def network(size, places, weights):
    """From pixels in [0, 1] to the maps of all places."""
    shape = (size, size, 3)
    frozen = EfficientNetLite0(
        include_top=False, weights=weights, input_shape=shape
    )
    maps = {}
    for place in places:
        maps[place] = frozen.get_layer(place).output
        factor = maps[place].shape[1] // SIDE
        if factor > 1:
            maps[place] = keras.layers.AveragePooling2D(factor)(maps[place])
    frozen = keras.Model(frozen.input, maps)
    image = keras.Input(shape)
    # As `preprocess_input`, of what `batches` gives.
    pixels = keras.layers.Rescaling(255 / 128, -127 / 128)(image)
    return keras.Model(image, frozen(pixels))


def score(labels, logits):
    """AUC of two classes, otherwise the share of right answers."""
    if logits.shape[-1] == 2:
        return metrics.roc_auc(labels, logits[:, 1] - logits[:, 0])
    return float(np.mean(logits.argmax(-1) == labels))


def choose(maps, parts, grid, epochs, seeds):
    """Of every kind of head the settings that answer best.

    Returns:
        `({condition: settings}, number of trainings)`; the settings hold the
        validation score that they were chosen for, a mean over the seeds.
    """
    train, validation, _ = parts
    heads = {
        (condition, size): (condition, size)
        for condition, size in itertools.product(CONDITIONS, grid["size"])
        if condition != "uniform" or size == grid["size"][0]
    }
    best, trainings = {}, 0
    for decay in grid["weight_decay"]:
        group = Heads(heads, maps[0], train.classes, decay)
        for rate in grid["learning_rate"]:
            runs = [
                group.fit(train.labels, seed, rate, epochs, maps[1])
                for seed in seeds
            ]
            trainings += len(heads) * len(seeds)
            for epoch, (condition, size) in itertools.product(epochs, heads):
                scores = [
                    score(validation.labels, run[epoch][condition, size][0])
                    for run in runs
                ]
                settings = {
                    "validation": float(np.mean(scores)),
                    "learning_rate": rate,
                    "weight_decay": decay,
                    "size": size,
                    "epochs": epoch,
                }
                best.setdefault(condition, settings)
                if settings["validation"] > best[condition]["validation"]:
                    best[condition] = settings
    return best, trainings


def measure(maps, parts, chosen, seeds):
    """Trains every kind of head with its settings, once a seed.

    Returns:
        `{condition: [(logits, weights) of the test images, one a seed]}`.
    """
    groups = {}
    for condition, settings in chosen.items():
        key = settings["weight_decay"], settings["learning_rate"]
        groups.setdefault(key, []).append(condition)
    answers = {condition: [] for condition in chosen}
    for (decay, rate), conditions in groups.items():
        heads = {c: (c, chosen[c]["size"]) for c in conditions}
        group = Heads(heads, maps[0], parts[0].classes, decay)
        epochs = sorted({chosen[c]["epochs"] for c in conditions})
        for seed in range(seeds):
            found = group.fit(parts[0].labels, seed, rate, epochs, maps[2])
            for c in conditions:
                answers[c].append(found[chosen[c]["epochs"]][c])
    return answers


def rows_of(place, answers, test):
    """One row a head and seed, with where its attention falls."""
    rows = []
    for condition, runs in answers.items():
        for seed, (logits, weights) in enumerate(runs):
            row = {
                "place": place,
                "condition": condition,
                "seed": seed,
                "score": score(test.labels, logits),
            }
            if test.masks is not None and weights is not None:
                known, masks = known_masks(test)
                energy = metrics.attention_energy(weights[known], masks)
                row["on_object"] = float(np.nanmean(energy))
            rows.append(row)
    return rows


def known_masks(test):
    """Which images have a mask, and these masks."""
    known = np.ones(len(test), bool)
    if test.has_mask is not None:
        known = test.has_mask
    return known, np.asarray(test.masks)[known]


def scores(labels, logits):
    """`(images, seeds, classes)` to what `score` says of each seed, faster."""
    if logits.shape[-1] != 2:
        return (logits.argmax(-1) == labels[:, None]).mean(axis=0)
    margins = logits[..., 1] - logits[..., 0]
    # All pairs of a positive and a negative image, ties counting one half.
    above = np.sign(margins[labels == 1][:, None] - margins[labels == 0])
    return (above.mean(axis=(0, 1)) + 1) / 2


def differences(answers, labels):
    """Each kind of head minus the control: mean over seeds, with interval.

    The interval is of the images, which are drawn again; all seeds answer the
    same draw.
    """
    control = stacked(answers["1x1, uniform"])

    def gain(labels, logits, control):
        return np.mean(scores(labels, logits) - scores(labels, control))

    found = {}
    for condition, runs in answers.items():
        if condition != "1x1, uniform":
            arrays = labels, stacked(runs), control
            found[condition] = {
                "mean": float(gain(*arrays)),
                "interval": metrics.bootstrap_interval(gain, *arrays),
            }
    return found


def stacked(runs):
    """`(images, seeds, classes)`."""
    return np.stack([logits for logits, _ in runs], axis=1)


def baselines(test):
    """What a map fixed at the centre and a uniform one have on the object."""
    if test.masks is None:
        return None
    known, masks = known_masks(test)
    return {
        "images": int(known.sum()),
        "centre": float(np.nanmean(metrics.centre_energy(masks))),
        "uniform": float(np.mean(metrics.area_share(masks))),
    }


def one_data_set(name, settings, arguments):
    """All places of one data set; what is written and what is drawn."""
    data, places = settings["data"][name], settings["places"]
    parts = read(name, data, arguments)[:3]
    weights = None if arguments["fast"] else "imagenet"
    model = network(data["size"], places, weights)
    cached = [cached_features(model, part, dtype="float16") for part in parts]

    def maps(place):
        return [np.array(part[place], "float32") for part in cached]

    start = time.perf_counter()
    chosen, trainings = choose(
        maps(CHOSEN_AT),
        parts,
        settings["grid"],
        data["epochs"],
        data["selection_seeds"],
    )
    print(f"{name}: {trainings} heads to choose by", flush=True)
    rows, gains, attention = [], {}, {}
    for place in places:
        answers = measure(maps(place), parts, chosen, settings["seeds"])
        trainings += len(answers) * settings["seeds"]
        rows += rows_of(place, answers, parts[2])
        gains[place] = differences(answers, parts[2].labels)
        for condition, runs in answers.items():
            if runs[0][1] is not None:
                attention[place, condition] = runs[0]
        print(summary(place, rows), flush=True)
    seconds = time.perf_counter() - start
    hourly = round(3600 * trainings / seconds)
    print(f"{name}: {trainings} heads, {hourly} an hour", flush=True)
    result = {
        "data": name,
        "measure": "AUC" if parts[0].classes == 2 else "accuracy",
        "images": [len(part) for part in parts],
        "maps": {place: list(cached[0][place].shape[1:]) for place in places},
        "chosen": chosen,
        "rows": rows,
        "gains": gains,
        "baselines": baselines(parts[2]),
        "seconds": seconds,
        "trainings": trainings,
        "trainings_an_hour": hourly,
    }
    best = best_attention(rows)
    return result, (parts[2], best, *attention[best])


def once(path, name, settings, arguments):
    """`one_data_set`, or what a file has of the same settings."""
    data = settings["data"][name]
    others = [settings[key] for key in ("grid", "places", "seeds")]
    key = json.dumps([data, *others, arguments["data"], arguments["fast"]])
    if path.exists():
        with np.load(path) as file:
            if str(file["key"]) == key:
                print(f"{name}: as in {path}", flush=True)
                test = read(name, data, arguments)[2]
                best = tuple(map(str, file["best"]))
                picture = test, best, file["logits"], file["weights"]
                return json.loads(str(file["result"])), picture
    result, picture = one_data_set(name, settings, arguments)
    _, best, logits, weights = picture
    with written_whole(path) as part:
        np.savez(
            part,
            key=key,
            result=json.dumps(result),
            best=best,
            logits=logits,
            weights=weights,
        )
    return result, picture


def summary(place, rows):
    """A line a kind of head."""
    lines = []
    for condition in CONDITIONS:
        found = [
            row["score"]
            for row in rows
            if (row["place"], row["condition"]) == (place, condition)
        ]
        lines.append(
            f"  {place:<12} {condition:<16} {np.mean(found):.3f} "
            f"({min(found):.3f} to {max(found):.3f})"
        )
    return "\n".join(lines)


def best_attention(rows):
    """The place and the kind of attention with the best mean; its seed 0."""
    means = {}
    for row in rows:
        if row["condition"] not in ("uniform", "1x1, uniform"):
            key = row["place"], row["condition"]
            means.setdefault(key, []).append(row["score"])
    return max(means, key=lambda key: np.mean(means[key]))


def main():
    try:
        arguments, settings = parse_arguments()
        output = pathlib.Path(arguments["output"])
        output.mkdir(parents=True, exist_ok=True)
        for name, data in settings["data"].items():
            read(name, data, arguments)
    except (ValueError, OSError) as error:
        print(f"place.py: error: {error}", file=sys.stderr)
        return 2
    results, shown = [], []
    for name in settings["data"]:
        path = output / f"{name}.npz"
        result, picture = once(path, name, settings, arguments)
        results.append(result)
        shown.append(picture)
        text = json.dumps({"data": results}, indent=1)
        write_text(output / "results.json", f"{text}\n")
    environment = {
        "keras": keras.version(),
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    config = {**settings, "arguments": arguments, "environment": environment}
    text = json.dumps({**config, "chosen_at": CHOSEN_AT}, indent=2)
    write_text(output / "config.json", f"{text}\n")
    figure = place_figure.draw(results, shown)
    figure.savefig(output / "place.png", dpi=120)
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
