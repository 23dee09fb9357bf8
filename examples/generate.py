"""Digits from noise: does SAGAN's attention make better ones?

    python examples/generate.py --fast      # a look
    python examples/generate.py             # three seeds of four networks
    python examples/generate.py --judge own efficientnet_lite0  # and by another
    python examples/generate.py --data ../shared/data/cifar10_jpeg.npz \\
        --size 32 --images 50000 --width 64 --epochs 100 --rates 2e-4 4e-4 \\
        --ema 0.999 --judge efficientnet_lite0 --seconds 235  # on a GPU

Generators of classes, each trained against a discriminator of its own:

- *plain*: without attention;
- *attention*: with SAGAN's block in both networks, behind the map of half the
  image's side;
- *uniform*, *1x1*: controls, with all that the block has but attention. Every
  position takes from all others alike, or from itself alone.

All else is the same: images, order, steps, rates. The weights are averaged over
the steps (EMA).

How good the images are is said by a small classifier of real images, which is
trained first (*own*), and by what `evaluation.ImageJudge` takes: none of the
numbers is an FID, an IS or a KID, which are those of one Inception network.
Each network draws as many images as half of the test set has. They are compared
with one half; the numbers of the other half are what cannot be done better,
those of noise what is no image at all.

- *right*: images in which the classifier finds the class that was asked for;
- *inception score*: up to the number of classes;
- *Frechet distance*, *kernel distance*: of its features.

A network of digits takes about two minutes of one core, the classifier 15
seconds. What came out: docs/evidence.md.

Writes results.json, config.json, samples.png, attention.png, a grid of samples
an epoch and the networks to the output folder. The same command goes on where
it was stopped, inside an epoch too.
"""

import argparse
import json
import os
import pathlib
import platform
import sys

import generate_figures
import generate_measures
import keras
import sources
from generate_data import halves
from generate_data import read
from generate_measures import OWN
from generate_networks import NETWORKS
from generate_networks import build
from progress import Progress

from keras_attention.callbacks import SampleGrid
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_float
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.training import Resumable
from keras_attention.training import averaged

FAST = {"images": 128, "test": 64, "epochs": 1, "seeds": 1, "width": 2}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="digits", help="digits, an .npz file, a set of TFDS")
    add("--size", type=int, default=24, help="height and width")
    add("--images", type=int, default=4000, help="to train on, at most")
    add("--test", type=int, default=2000, help="digits to test on")
    add("--width", type=int, default=16, help="channels of the largest map")
    add("--epochs", type=int, default=20, help="of each network")
    add("--batch-size", type=int, default=64, help="images a step")
    add("--rates", type=float, nargs=2, default=[1e-3, 2e-3], help="G's, D's")
    add("--ema", type=float, default=0.99, help="momentum of the averages")
    add("--seconds", type=float, help="end with the epoch that is over then")
    add("--every", type=int, default=200, help="steps between checkpoints")
    add("--judge", nargs="+", default=[OWN], help="own, what ImageJudge takes")
    add("--seeds", type=int, default=3, help="trainings of each network")
    add("--fast", action="store_true", help="a look: few digits, one epoch")
    add("--only", nargs="*", default=list(NETWORKS), help="which networks")
    add("--output", default="runs/generate", help="folder for what is written")
    arguments = vars(parser.parse_args())
    if arguments.pop("fast"):
        arguments.update(FAST)
    for name in (
        *("size", "images", "test", "width", "epochs", "batch_size", "every"),
        "seeds",
    ):
        positive_int(name, arguments[name])
    for rate in arguments["rates"]:
        positive_float("rates", rate)
    for name in arguments["only"]:
        one_of("only", name, NETWORKS)
    return arguments


def trained(name, seed, train, classes, arguments, folder):
    """The model after its epochs, and what `Progress` says of them."""
    images = train[0]
    model = build(name, images.shape[1:], classes, arguments, seed)
    label = label_of(name, seed)
    progress = Progress(label, arguments["seconds"])
    grid = SampleGrid(folder / "samples" / label, 10 * classes, columns=classes)
    # The rest of an epoch would be a smaller batch, compiled for itself.
    whole = len(images) // arguments["batch_size"] * arguments["batch_size"]
    batches = sources.Positioned(
        [(x[:whole] for x in train)], arguments["batch_size"], seed
    )
    resumable = Resumable(folder / "unfinished" / label, arguments["every"])
    history = resumable.fit(
        model,
        batches,
        arguments["epochs"],
        callbacks=[*averaged([grid]), progress],
        verbose=0,
    )
    return model, progress, history.history


def row_of(name, seed, parts, judges, arguments, folder):
    """Trains a network, and measures what it draws."""
    train, validation, test = parts
    classes = int(train[1].max()) + 1
    model, progress, history = trained(
        name, seed, train, classes, arguments, folder
    )
    # As many images as the other half has, of its classes.
    asked = halves(test)[1][1]
    images = model.generate(len(asked), asked, seed=seed, batch_size=100)
    chosen_on = model.generate(
        len(validation[1]), validation[1], seed=seed, batch_size=100
    )
    row = {
        "network": name,
        "seed": seed,
        "epochs": len(history["loss"]),
        "parameters": {
            part: getattr(model, part).count_params()
            for part in ("generator", "discriminator")
        },
        "seconds": progress.seconds,
        "processor_seconds": progress.processor_seconds,
        "by": {key: j.measure(images, asked) for key, j in judges.items()},
        "validation": {
            key: j.measure(chosen_on, validation[1], j.validation)
            for key, j in judges.items()
        },
        "loss": {k: history[k] for k in sorted(history) if k != "loss"},
        "gains": generate_measures.gains(model),
    }
    model.save(folder / f"{label_of(name, seed)}.keras")
    Resumable(folder / "unfinished" / label_of(name, seed)).clear()
    return row


def label_of(name, seed):
    """What a network is called, and its files."""
    return f"{name}_seed{seed}"


def main():
    try:
        arguments = parse_arguments()
        parts = read(arguments)
        folder = pathlib.Path(arguments["output"])
        folder.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"generate.py: error: {error}", file=sys.stderr)
        return 2
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
    text = f"{json.dumps(config, indent=2)}\n"
    before = folder / "config.json"
    if before.exists() and before.read_text() != text:
        print(
            f"generate.py: error: {folder} holds a run with other settings. "
            "Choose another --output.",
            file=sys.stderr,
        )
        return 2
    write_text(before, text)
    try:
        results = carried_out(parts, arguments, folder)
    except (KeyboardInterrupt, SystemExit) as stop:
        print("\nStopped. The same command goes on from here.")
        return getattr(stop, "code", 130)
    total = sum(row["seconds"] for row in results["rows"])
    own = sum(row["processor_seconds"] for row in results["rows"])
    print(
        f"\n{total:.0f} s of training, {own:.0f} s of a processor. Written to "
        f"{folder}"
    )
    return 0


def carried_out(parts, arguments, folder):
    """All rows that are not there yet, and the figures."""
    judges = {
        name: generate_measures.Judge(name, folder / "judge.keras", parts)
        for name in arguments["judge"]
    }
    path = folder / "results.json"
    results = {"rows": [], "references": {}}
    if path.exists():
        results = json.loads(path.read_text())
    rows = results["rows"]
    results["judges"] = {key: j.description for key, j in judges.items()}
    there = {(row["network"], row["seed"]) for row in rows}
    for seed in range(arguments["seeds"]):
        for name in arguments["only"]:
            if (name, seed) in there:
                continue
            row = row_of(name, seed, parts, judges, arguments, folder)
            rows.append(row)
            rows.sort(key=lambda r: (r["seed"], NETWORKS.index(r["network"])))
            write_text(path, f"{json.dumps(results, indent=1)}\n")
            tell(row)
    naming = [judge for judge in judges.values() if judge.names_classes]
    for row in rows:
        if row["network"] == "attention" and naming and "replaced" not in row:
            label = label_of("attention", row["seed"])
            model = keras.saving.load_model(folder / f"{label}.keras")
            row["replaced"] = generate_measures.use_of_attention(
                model, naming[0], halves(parts[2])[1][1], row["seed"]
            )
            write_text(path, f"{json.dumps(results, indent=1)}\n")
    for key, judge in judges.items():
        if key not in results["references"]:
            results["references"][key] = judge.references(parts)
            write_text(path, f"{json.dumps(results, indent=1)}\n")
    draw(parts, judges, folder)
    return results


def tell(row):
    """A line of what was measured."""
    print(f"{label_of(row['network'], row['seed'])}: {row['epochs']} epochs")
    for name, found in row["by"].items():
        right = f", right {found['right']:.1%}" if "right" in found else ""
        print(
            f"  by {name}: Frechet distance {found['frechet_distance']:.2f}, "
            f"kernel distance {found['kernel_distance']:.3f}{right}",
            flush=True,
        )


def draw(parts, judges, folder):
    """The figures, of the first seed."""
    models = {
        name: keras.saving.load_model(folder / f"{label_of(name, 0)}.keras")
        for name in NETWORKS
        if (folder / f"{label_of(name, 0)}.keras").exists()
    }
    classes = int(parts[0][1].max()) + 1
    figure = generate_figures.samples(parts[2], models, classes)
    figure.savefig(folder / "samples.png")
    if "attention" in models:
        first = next(iter(judges.values()))
        figure = generate_figures.attention(models["attention"], first)
        figure.savefig(folder / "attention.png", dpi=100)


if __name__ == "__main__":
    sys.exit(main())
