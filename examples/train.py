"""The main job: does attention help VGG16_bn find a digit among clutter?

    python examples/train.py                # the demo
    python examples/train.py --seeds 3      # with its spread
    python examples/train.py --dataset cifar10 --size 32 --width 1 --epochs 30
    python examples/train.py --dataset lesions.npz --attention gate
    python examples/train.py --config runs/demo/config.json  # the same again

Trains three networks on the same images in the same order: the plain one, one
whose middle blocks are pooled uniformly as well, and one whose middle blocks
are pooled by attention with the last block as the query. The second shows
what the extra scales bring, the third what attention adds to them.

Writes to the output folder: results.json (the table), config.json (every
setting), history.csv (every epoch), the models, and attention.png.

What is seldom changed, the optimizer's settings and the augmentation, is the
recipe: a config.json may set any of it, `{"recipe": {"flip": "both"}}`.
"""

import argparse
import csv
import hashlib
import json
import pathlib
import statistics
import sys
import time

import keras
import numpy as np
import sources

from keras_attention import AttentionExtractor
from keras_attention import compare
from keras_attention import layers
from keras_attention import visualization
from keras_attention.internals.arguments import positive_float
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import save_model
from keras_attention.internals.files import write_text
from keras_attention.internals.files import written_whole
from keras_attention.models import VGG16BNAttention

RECIPE = {
    # AdamW with a linear warm-up and a cosine down to zero.
    "learning_rate": 3e-3,
    "weight_decay": 1e-4,
    "warm_up": 0.125,  # share of the steps
    # Of training images; the defaults change nothing.
    "flip": None,  # or "horizontal" or "both"
    "crop": 0,  # largest shift in pixels
    "rotation": 0.0,  # largest angle in degrees
    "balance": False,  # draws all classes equally often
}
PICTURED = 48  # test images that the picture is chosen from


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--dataset",
        default="cluttered_digits",
        help="a TFDS name, an .npz file, a folder of class folders, or "
        "keras:NAME for a data set of Keras",
    )
    add("--size", type=int, default=56, help="height and width of images")
    add("--images", type=int, help="images to train on: 7000 digits, or all")
    add("--width", type=float, default=0.125, help="share of VGG16's channels")
    add("--attention", default="attn_pool", help="key of an attention layer")
    add("--blocks", nargs="+", default=["block3_relu2", "block3_relu3"])
    add("--epochs", type=int, default=8, help="passes over the images")
    add("--batch-size", type=int, default=32, help="images a step")
    add("--seeds", type=int, default=1, help="repetitions of every network")
    add("--output", default="runs/demo", help="folder for what is written")
    add("--config", help="a config.json: the defaults, and the recipe")
    path = parser.parse_args().config
    recipe = dict(RECIPE)
    if path:
        saved, changed = read_config(path, parser)
        recipe.update(changed)
        # What is repeated is written beside what it repeats.
        saved["output"] = f"{pathlib.Path(path).parent}-again"
        parser.set_defaults(**saved)
    arguments = vars(parser.parse_args())
    del arguments["config"]
    for name in ("size", "epochs", "batch_size", "seeds"):
        positive_int(name, arguments[name])
    positive_int("images", arguments["images"], optional=True)
    positive_float("learning_rate", recipe["learning_rate"])
    return arguments, recipe


def read_config(path, parser):
    """The arguments and the part of the recipe that a config.json sets."""
    config = json.loads(pathlib.Path(path).read_text())
    known = {"arguments": vars(parser.parse_args([])), "recipe": RECIPE}
    parts = {part: dict(config.get(part, {})) for part in known}
    unknown = {
        part: sorted(set(parts[part]) - set(known[part])) for part in known
    }
    if any(unknown.values()) or not any(parts.values()):
        sets = [
            f"the {part} {names}" for part, names in unknown.items() if names
        ]
        raise ValueError(
            f"{path} is no config.json of this script: it sets "
            f"{' and '.join(sets) or 'neither arguments nor a recipe'}. "
            f"A recipe has {', '.join(RECIPE)}."
        )
    return parts["arguments"], parts["recipe"]


def networks(arguments, info):
    """Functions that build the three networks."""

    def build(name, pooling):
        return VGG16BNAttention(
            {place: pooling for place in arguments["blocks"] if pooling},
            input_shape=info.image_shape,
            classes=info.classes,
            classifier_activation=None,
            width_multiplier=arguments["width"],
            name=name,
        )

    mechanism = layers.get(arguments["attention"])
    if mechanism.is_insertable:
        raise ValueError(
            "The networks differ in how blocks are pooled, so attention must "
            "be a layer that pools or gates, such as attn_pool or gate. "
            f"Received: attention={arguments['attention']!r}"
        )
    uniform = keras.layers.GlobalAveragePooling2D()
    poolings = {
        "plain": None,
        "uniform": uniform,
        "attention": arguments["attention"],
    }
    return {
        name: lambda name=name: build(name, poolings[name]) for name in poolings
    }


def fit(model, splits, epochs, recipe):
    """Trains a model; returns its history, one dictionary an epoch."""
    steps = epochs * len(splits.train)
    warm_up = int(recipe["warm_up"] * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - warm_up,
        warmup_target=recipe["learning_rate"],
        warmup_steps=warm_up,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=recipe["weight_decay"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    live = sys.stdout.isatty()
    history = model.fit(
        splits.train,
        validation_data=splits.validation,
        epochs=epochs,
        verbose=1 if live else 0,
        shuffle=False,  # the pipeline does it, in the order of its seed
        callbacks=[] if live else [OneLine()],
    ).history
    values = zip(*history.values(), strict=True)
    return [dict(zip(history, row, strict=True)) for row in values]


class OneLine(keras.callbacks.Callback):
    """One line an epoch, for logs."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        numbers = "  ".join(f"{key} {logs[key]:.4f}" for key in logs)
        seconds = time.perf_counter() - self.start
        total = self.params["epochs"]
        print(f"  epoch {epoch + 1}/{total}  {seconds:4.0f} s  {numbers}")


def summary(rows):
    """Means over the seeds, and what attention adds to the other two."""
    accuracy = {}
    for row in rows:
        accuracy.setdefault(row["model"], []).append(row["accuracy"])
    lines = [
        f"{name:<10} {statistics.mean(values):.1%} on average, "
        f"{min(values):.1%} to {max(values):.1%} over {len(values)} seeds"
        for name, values in accuracy.items()
    ]
    for other in ("uniform", "plain"):
        pairs = zip(accuracy["attention"], accuracy[other], strict=True)
        gains = [100 * (a - b) for a, b in pairs]
        lines.append(
            f"attention - {other}: {statistics.mean(gains):+.1f} points, "
            f"{min(gains):+.1f} to {max(gains):+.1f}"
        )
    return "\n".join(lines)


def picture(model, examples, class_names):
    """Some right and, if there are any, some wrong answers, with attention."""
    # From all over the test set, which may be sorted by class.
    batches = list(examples)
    batch = {
        name: np.concatenate([np.asarray(part[name]) for part in batches])
        for name in ("image", "label", "mask")
        if name in batches[0]
    }
    spread = np.linspace(0, len(batch["label"]) - 1, num=PICTURED, dtype=int)
    images, labels = batch["image"][spread], batch["label"][spread]
    masks = batch["mask"][spread] if "mask" in batch else None
    # One batch, asked once: answers and attention are compiled together.
    outputs, weights = AttentionExtractor(model).predict_on_batch(images)
    predictions = outputs.argmax(-1)
    right = np.flatnonzero(predictions == labels)
    wrong = np.flatnonzero(predictions != labels)[:3]
    shown = np.concatenate([right[: 8 - len(wrong)], wrong])
    return visualization.plot_attention(
        images[shown],
        {name: maps[shown] for name, maps in weights.items()},
        outlines=None if masks is None else masks[shown],
        labels=labels[shown],
        predictions=predictions[shown],
        class_names=class_names,
    )


def fingerprint(examples):
    """A hash of the test images and labels: is it the same data?"""
    digest = hashlib.sha256()
    for batch in examples:
        digest.update(np.asarray(batch["image"]).tobytes())
        digest.update(np.asarray(batch["label"]).tobytes())
    return digest.hexdigest()


def main():
    # All that can be wrong with the settings shows before any training.
    try:
        arguments, recipe = parse_arguments()
        output = pathlib.Path(arguments["output"])
        splits = sources.load(arguments, recipe)
        builders = networks(arguments, splits.info)
        for build in builders.values():
            build()
        output.mkdir(parents=True, exist_ok=True)
        (output / "history.csv").open("a").close()  # can it be written?
    except (ValueError, OSError) as error:
        print(f"train.py: error: {error}", file=sys.stderr)
        return 2
    examples = sources.load(arguments, recipe, supervised=False).test
    print(f"{splits.info.name}: {splits.info.sizes}", flush=True)

    models, seconds, history = {}, {}, []
    for seed in range(arguments["seeds"]):
        for name, build in builders.items():
            label = f"{name}-seed{seed}" if arguments["seeds"] > 1 else name
            print(f"\n{label}", flush=True)
            keras.utils.set_random_seed(seed)
            models[label] = build()
            splits = sources.load(arguments, recipe, seed)
            start = time.perf_counter()
            epochs = fit(models[label], splits, arguments["epochs"], recipe)
            seconds[label] = time.perf_counter() - start
            for epoch, logs in enumerate(epochs, start=1):
                history.append(
                    {"model": name, "seed": seed, "epoch": epoch, **logs}
                )
            save_model(models[label], output / f"{label}.keras")

    table = compare(models, examples, training_seconds=seconds)
    print(f"\n{table}")
    for row in table.rows:
        name, _, seed = row["model"].partition("-seed")
        row.update(model=name, seed=int(seed or 0))
    if arguments["seeds"] > 1:
        print(f"\n{summary(table.rows)}")

    write_text(output / "results.json", table.to_json() + "\n")
    with (
        written_whole(output / "history.csv") as path,
        open(path, "w", newline="") as file,
    ):
        writer = csv.DictWriter(file, history[0])
        writer.writeheader()
        writer.writerows(history)
    config = {
        "arguments": arguments,
        "recipe": recipe,
        "data": {
            "name": splits.info.name,
            "sizes": splits.info.sizes,
            "test_sha256": fingerprint(examples),
        },
        "seeds": list(range(arguments["seeds"])),
        "environment": table.environment,
    }
    write_text(output / "config.json", json.dumps(config, indent=2) + "\n")
    attentive = next(m for label, m in models.items() if "attention" in label)
    figure = picture(attentive, examples, splits.info.class_names)
    figure.savefig(output / "attention.png", dpi=150)
    names = ", ".join(sorted(path.name for path in output.iterdir()))
    print(f"\nWritten to {output}: {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
