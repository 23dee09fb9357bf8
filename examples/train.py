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

Stopped or killed, the same command goes on where it was; once all is written,
it shows the table again. `--restart` trains anew.

What is seldom changed, the optimizer's settings and the augmentation, is the
recipe: a config.json may set any of it, `{"recipe": {"flip": "both"}}`.
"""

import argparse
import contextlib
import csv
import hashlib
import json
import pathlib
import signal
import statistics
import sys

import keras
import numpy as np
import run_folder
import sources
from progress import Progress

from keras_attention import AttentionExtractor
from keras_attention import compare
from keras_attention import layers
from keras_attention import visualization
from keras_attention.evaluation import Comparison
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
    add("--restart", action="store_true", help="forget what was trained before")
    path = parser.parse_args().config
    recipe = dict(RECIPE)
    if path:
        saved, changed = read_config(path, parser)
        recipe.update(changed)
        # What is repeated is written beside what it repeats.
        saved["output"] = f"{pathlib.Path(path).parent}-again"
        parser.set_defaults(**saved)
    arguments = vars(parser.parse_args())
    restart = arguments.pop("restart")
    del arguments["config"]
    for name in ("size", "epochs", "batch_size", "seeds"):
        positive_int(name, arguments[name])
    positive_int("images", arguments["images"], optional=True)
    positive_float("learning_rate", recipe["learning_rate"])
    return arguments, recipe, restart


def read_config(path, parser):
    """The arguments and the part of the recipe that a config.json sets."""
    config = json.loads(pathlib.Path(path).read_text())
    known = {"arguments": vars(parser.parse_args([])), "recipe": RECIPE}
    for name in ("config", "restart"):  # of a call, not of a run
        del known["arguments"][name]
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
    compile_for(model, epochs * len(splits.train), recipe)
    options = fit_options(splits, Progress())
    # The pipeline shuffles, in the order of its seed.
    return by_epoch(
        model.fit(splits.train, epochs=epochs, shuffle=False, **options)
    )


def compile_for(model, steps, recipe):
    """Compiles a model for a training of so many steps."""
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


def fit_options(splits, progress):
    """What every `fit` is given."""
    return {
        "validation_data": splits.validation,
        "verbose": 1 if sys.stdout.isatty() else 0,
        "callbacks": [progress],
    }


def by_epoch(history):
    """One dictionary an epoch, of a `keras.callbacks.History`."""
    values = zip(*history.history.values(), strict=True)
    return [dict(zip(history.history, row, strict=True)) for row in values]


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


def train(arguments, recipe, builders, run):
    """The networks, trained: models and seconds by label, and all epochs."""
    models, seconds, history = {}, {}, []
    epochs = arguments["epochs"]
    for seed in range(arguments["seeds"]):
        for name, build in builders.items():
            label = f"{name}-seed{seed}" if arguments["seeds"] > 1 else name
            keras.utils.set_random_seed(seed)
            models[label] = build()
            splits = sources.load(arguments, recipe, seed, resumable=True)
            compile_for(models[label], epochs * len(splits.train), recipe)
            progress = Progress(label)
            options = fit_options(splits, progress)
            try:
                found = run.resumable(label).fit(
                    models[label], splits.train, epochs, **options
                )
            except FloatingPointError as error:
                raise FloatingPointError(f"{label}: {error}") from error
            seconds[label] = progress.seconds
            history += [
                {"model": name, "seed": seed, "epoch": epoch, **logs}
                for epoch, logs in enumerate(by_epoch(found), start=1)
            ]
    return models, seconds, history


def show(table, seeds):
    """Prints the table; its rows get the name and the seed of their network."""
    print(f"\n{table}")
    for row in table.rows:
        name, _, seed = row["model"].partition("-seed")
        row.update(model=name, seed=int(seed or 0))
    if seeds > 1:
        print(f"\n{summary(table.rows)}")


def write(run, config, table, models, history, figure):
    """Writes all results, config.json at the end."""
    files = {f"{label}.keras": label for label in models}
    names = ["results.json", "history.csv", "attention.png", *files]
    run.open_results()
    for file, label in files.items():
        save_model(models[label], run.folder / file)
    write_text(run.folder / "results.json", table.to_json() + "\n")
    with (
        written_whole(run.folder / "history.csv") as path,
        open(path, "w", newline="") as file,
    ):
        writer = csv.DictWriter(file, history[0])
        writer.writeheader()
        writer.writerows(history)
    figure.savefig(run.folder / "attention.png", dpi=150)
    run.close_results(config, names)
    names = ", ".join(sorted([*names, "config.json"]))
    print(f"\nWritten to {run.folder}: {names}")


def carry_out(arguments, recipe, info, builders, run):
    """Trains, compares and writes what is not there yet."""
    models, seconds, history = train(arguments, recipe, builders, run)
    examples = sources.load(arguments, recipe, supervised=False).test
    table = compare(models, examples, training_seconds=seconds)
    show(table, arguments["seeds"])
    config = {
        "arguments": arguments,
        "recipe": recipe,
        "data": {
            "name": info.name,
            "sizes": info.sizes,
            "test_sha256": fingerprint(examples),
        },
        "seeds": list(range(arguments["seeds"])),
        "environment": table.environment,
    }
    attentive = next(m for label, m in models.items() if "attention" in label)
    figure = picture(attentive, examples, info.class_names)
    write(run, config, table, models, history, figure)


def main():
    with contextlib.ExitStack() as stack:
        # All that can be wrong with the settings shows before any training.
        try:
            arguments, recipe, restart = parse_arguments()
            info = sources.load(arguments, recipe, resumable=True).info
            builders = networks(arguments, info)
            for build in builders.values():
                build()
            settings = {"arguments": arguments, "recipe": recipe}
            output = arguments["output"]
            run = stack.enter_context(
                run_folder.opened(output, settings, restart)
            )
        except (ValueError, OSError, RuntimeError) as error:
            print(f"train.py: error: {error}", file=sys.stderr)
            return 2
        if run.is_whole:
            results = json.loads((run.folder / "results.json").read_text())
            show(Comparison(**results), arguments["seeds"])
            print(f"\n{output} is whole; --restart trains all of it anew.")
            return 0
        print(f"{info.name}: {info.sizes}", flush=True)
        try:
            carry_out(arguments, recipe, info, builders, run)
        except FloatingPointError as error:
            print(f"train.py: error: {error}", file=sys.stderr)
            return 1
        except (KeyboardInterrupt, SystemExit) as stop:
            print("\nStopped. The same command goes on from here.")
            return getattr(stop, "code", 128 + signal.SIGINT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
