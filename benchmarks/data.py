"""Photographs from disk: how fast they are read, and what a training notices.

    python benchmarks/data.py                     # all, about 10 minutes
    python benchmarks/data.py --parts reading augmentation
    python benchmarks/data.py --parts fit --changes zoom crop
    python benchmarks/data.py --figure            # draws the committed numbers

3,000 photographs of 640x480 as JPEG files, made of the two that scikit-learn
ships: cut, mirrored, lighter and darker. Two cores, the TensorFlow backend;
needs PyTorch for its DataLoader. Every part in a process of its own:

- `reading`: decoding, resizing to 224x224 and mirroring, ours beside tf.data
  written by hand, `image_dataset_from_directory` and a DataLoader, in turns;
- `augmentation`: images a second of each change, on batches in memory;
- `fit`: training steps fed from the files and from arrays in memory, in turns,
  with each change;
- `start`: seconds to the first batch and memory by number of rows.

Writes benchmarks/results/data.json, .md and data.png; rows that are not
measured again stay, if they are of the same machine and versions.
"""

import argparse
import functools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import timing

SIDE, BATCH, PHOTOS = 224, 32, 3000
RESULTS = pathlib.Path(__file__).parent / "results"
ROWS = (3_000, 30_000, 300_000, 1_000_000)
CHANGES = {
    "flip": dict(flip="horizontal"),
    "rotation": dict(rotation=30),
    "translation": dict(translation=0.1),
    "zoom": dict(zoom=0.2),
    "crop": dict(crop=8),
    "contrast": dict(contrast=0.2),
    "brightness": dict(brightness=0.2),
}
CHANGES["all"] = {k: v for each in CHANGES.values() for k, v in each.items()}
WIDE = "flip, twice as wide"


def photographs(folder, count):
    """JPEG files of 640x480, in two class folders."""
    from PIL import Image
    from PIL import ImageEnhance
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    sources = load_sample_images().images
    for index in range(count):
        image = Image.fromarray(sources[index % 2])
        left, top = rng.integers(0, 160), rng.integers(0, 107)
        image = image.crop((left, top, left + 480, top + 320))
        image = image.resize((640, 480), Image.Resampling.BICUBIC)
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.7, 1.2))
        path = pathlib.Path(folder, "ab"[index % 2], f"{index}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=90)


def examples(folder, cache=None):
    """All photographs, decoded when they are asked for."""
    from keras_attention import datasets

    rows = [
        {
            "image": path.relative_to(folder).as_posix(),
            "label": path.parent.name,
        }
        for path in sorted(pathlib.Path(folder).glob("[ab]/*.jpg"))
    ]
    return datasets.from_table(
        rows,
        images=folder,
        image="image",
        label="label",
        size=SIDE,
        cache=cache,
    )


# -- reading ---------------------------------------------------------------


def ours(folder):
    from keras_attention import datasets

    data = datasets.batches(
        examples(folder),
        BATCH,
        seed=0,
        augment=datasets.Augmentation(flip="horizontal"),
    )
    while True:
        yield from data


def by_hand(folder):
    """tf.data as its guide has it, with the same antialiased resizing."""
    import tensorflow as tf

    paths = [str(path) for path in pathlib.Path(folder).glob("[ab]/*.jpg")]

    def load(path):
        image = tf.io.decode_jpeg(tf.io.read_file(path), 3)
        image = tf.image.resize(image, (SIDE, SIDE), antialias=True)
        return tf.image.random_flip_left_right(image) / 255, 0

    data = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths))
    data = data.repeat().map(load, tf.data.AUTOTUNE, deterministic=True)
    yield from data.batch(BATCH).prefetch(2)


def from_directory(folder):
    """Keras' own, which does not antialias."""
    import keras
    import tensorflow as tf

    data = keras.utils.image_dataset_from_directory(
        folder,
        class_names=["a", "b"],
        batch_size=BATCH,
        image_size=(SIDE, SIDE),
        seed=0,
        verbose=False,
    )
    flip = tf.image.random_flip_left_right
    data = data.repeat().map(lambda x, y: (flip(x) / 255, y))
    yield from data.prefetch(2)


class _Files:
    def __init__(self, folder):
        self.paths = sorted(pathlib.Path(folder).glob("[ab]/*.jpg"))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        from PIL import Image

        image = Image.open(self.paths[index]).convert("RGB")
        image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        x = np.asarray(image)
        if np.random.default_rng(index).random() < 0.5:
            x = x[:, ::-1]
        return x.astype("float32") / np.float32(255), 0


def data_loader(folder):
    import torch

    loader = torch.utils.data.DataLoader(
        _Files(folder), BATCH, shuffle=True, num_workers=2
    )
    while True:
        yield from loader


PIPELINES = {
    "ours": ours,
    "tf.data": by_hand,
    "image_dataset_from_directory": from_directory,
    "DataLoader": data_loader,
}


def reading(folder, rounds=11, steps=12):
    """A row a pipeline: images a second, and ours over it."""
    running = {name: make(folder) for name, make in PIPELINES.items()}
    speeds = {name: [] for name in running}

    def measure(batches):
        for _ in range(6):
            next(batches)  # what was read ahead while others were measured
        begun = time.perf_counter()
        for _ in range(steps):
            next(batches)
        return steps * BATCH / (time.perf_counter() - begun)

    for number in range(rounds + 1):
        for name, batches in running.items():
            speed = measure(batches)
            if number:  # the first warms up
                speeds[name].append(speed)
    for name, found in speeds.items():
        ratios = [a / b for a, b in zip(speeds["ours"], found, strict=True)]
        low, high = timing.median_interval(ratios)
        yield {
            "part": "reading",
            "what": name,
            "images_per_s": round(float(np.median(found))),
            "ratio": round(float(np.median(ratios)), 3),
            "low": round(low, 3),
            "high": round(high, 3),
        }


# -- augmentation ----------------------------------------------------------


def augmentation(folder):
    """A row a change: images a second on one thread."""
    from keras_attention import datasets

    whole = examples(folder)[:BATCH]
    batch = {"image": np.asarray(whole.images), "label": whole.labels}
    for name, options in CHANGES.items():
        augment = datasets.Augmentation(**options)
        times = [
            timing.seconds(
                lambda i=i, a=augment: a(dict(batch), i, np.arange(BATCH))
            )
            for i in range(12)
        ]
        speed = BATCH / float(np.median(times[1:]))
        yield {
            "part": "augmentation",
            "what": name,
            "images_per_s": round(speed),
        }


# -- fit -------------------------------------------------------------------


def fit(folder, changes, rounds=9, batch=16):
    """A row a change: `fit` from files over `fit` from arrays.

    Of a network that costs as little as one does, and mirroring alone
    of one twice as wide. The first steps of a pass do not count: then as many
    batches are read as are trained on. Every pass has readers of its own, so
    that none reads while arrays have their turn.
    """
    import keras

    from keras_attention import datasets

    feeds = {
        kind: examples(folder, cache)[: 6 * batch]
        for kind, cache in (("files", None), ("arrays", "memory"))
    }

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, number, logs=None):
            if number == skip - 1:
                self.begun = time.perf_counter()
            if number == skip + steps - 1:
                self.seconds = time.perf_counter() - self.begun

    for name in changes:
        skip, steps = (1, 2) if name == WIDE else (2, 4)
        model = network(1 / 4 if name == WIDE else 1 / 8)
        augment = datasets.Augmentation(**CHANGES.get(name, CHANGES["flip"]))

        def run(kind, count=skip + steps, model=model, augment=augment):
            part = feeds[kind][: count * batch]
            data = datasets.batches(part, batch, seed=0, augment=augment)
            clock = Clock()
            model.fit(data, verbose=0, callbacks=[clock])
            return clock.seconds

        for kind in feeds:
            run(kind)
        ratios, speeds = [], []
        for turn in range(rounds):
            order = sorted(feeds, reverse=bool(turn % 2))
            seconds = {kind: run(kind) for kind in order}
            ratios.append(seconds["arrays"] / seconds["files"])
            speeds.append(steps * batch / seconds["files"])
        low, high = timing.median_interval(ratios)
        yield {
            "part": "fit",
            "what": name,
            "images_per_s": round(float(np.median(speeds))),
            "ratio": round(float(np.median(ratios)), 3),
            "low": round(low, 3),
            "high": round(high, 3),
        }


@functools.cache
def network(width):
    """VGG16_bn with a gate, of a share of its channels."""
    from keras_attention import VGG16BNAttention

    model = VGG16BNAttention(
        {"block3": "gate"},
        input_shape=(SIDE, SIDE, 3),
        classes=2,
        width_multiplier=width,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


# -- start -----------------------------------------------------------------


def start(folder):
    """A row a number of rows, each in a process of its own."""
    for count in ROWS:
        command = [sys.executable, __file__, "--first-batch", str(count)]
        answer = subprocess.run(
            [*command, "--folder", str(folder)],
            stdout=subprocess.PIPE,
            check=True,
        )
        yield json.loads(answer.stdout.splitlines()[-1])


def first_batch(folder, count):
    """Seconds and memory from a table of many rows to its first batch."""
    import resource

    import keras  # noqa: F401, whose memory is not counted

    from keras_attention import datasets

    def megabytes():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    files = pathlib.Path(folder, "many")
    names = sorted(path.name for path in files.iterdir())[:count]
    table = pathlib.Path(folder, "table.csv")
    with table.open("w") as file:
        file.write("image,label\n")
        file.writelines(
            f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(names)
        )
    del names
    before, begun = megabytes(), time.perf_counter()
    whole = datasets.from_table(
        table,
        images=files,
        image="image",
        label="label",
        size=SIDE,
        cache=None,
    )
    train = datasets.batches(whole, BATCH, seed=0)
    next(iter(train))
    return {
        "part": "start",
        "what": f"{count:,} rows",
        "seconds": round(time.perf_counter() - begun, 2),
        "megabytes": round(megabytes() - before),
    }


def link_many(folder, count):
    """So many names for the photographs; no byte is copied."""
    import os

    sources = sorted(pathlib.Path(folder).glob("[ab]/*.jpg"))
    many = pathlib.Path(folder, "many")
    many.mkdir()
    for index in range(count):
        # A file has at most 65,000 names.
        os.link(sources[index % len(sources)], many / f"{index:07d}.jpg")


PARTS = {
    "reading": reading,
    "augmentation": augmentation,
    "fit": fit,
    "start": start,
}


def merged(path, rows, information):
    """The rows, and those of the file that were not measured again."""
    found = {(row["part"], row["what"]): row for row in rows}
    if path.exists():
        before = json.loads(path.read_text())
        if before["environment"] == information:
            kept = {(row["part"], row["what"]): row for row in before["rows"]}
            found = kept | found
    order = [*PARTS]
    return sorted(found.values(), key=lambda row: order.index(row["part"]))


def draw(rows, path):
    """Speeds of reading, what `fit` notices of it, and what more rows cost."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(10, 6.8), layout="constrained")
    axes = axes.ravel()
    read = [row for row in rows if row["part"] == "reading"]
    names = [row["what"].replace("_dataset_", "_dataset_\n") for row in read]
    speeds = [row["images_per_s"] for row in read]
    bars = axes[0].barh(names[::-1], speeds[::-1], color="#0072b2")
    axes[0].bar_label(bars, padding=3)
    axes[0].set_title("Read, resized, mirrored: images/s")
    axes[0].margins(x=0.15)
    fits = [row for row in rows if row["part"] == "fit"][::-1]
    ratios, low, high = (
        np.array([row[key] for row in fits]) for key in ("ratio", "low", "high")
    )
    axes[1].errorbar(
        ratios,
        [row["what"] for row in fits],
        xerr=(ratios - low, high - ratios),
        fmt="o",
        color="#0072b2",
    )
    axes[1].axvline(0.9, color="grey", linestyle=":")
    axes[1].set_xlim(0.8, 1.02)
    axes[1].set_title("fit from files over fit from arrays")
    begun = [row for row in rows if row["part"] == "start"]
    counts = [int(row["what"].split()[0].replace(",", "")) for row in begun]
    for axis, key, unit in (
        (axes[2], "seconds", "s"),
        (axes[3], "megabytes", "MB"),
    ):
        axis.loglog(counts, [row[key] for row in begun], "o-", color="#0072b2")
        axis.set_title(f"To the first batch: {unit}")
        axis.set_xlabel("rows of the table")
        axis.grid(alpha=0.3)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def write(path, rows):
    """JSON, a table a part as Markdown, and the figure."""
    import keras

    information = timing.environment("tensorflow", keras=keras.__version__)
    rows = merged(path, rows, information)
    text = json.dumps({"rows": rows, "environment": information}, indent=2)
    path.write_text(text + "\n")
    lines = []
    for part in dict.fromkeys(row["part"] for row in rows):
        found = [row for row in rows if row["part"] == part]
        names = [n for n in found[0] if n not in ("part", "low", "high")]
        lines += ["", f"| {part} | {' | '.join(names[1:])} |"]
        lines.append("|" + "---|" * len(names))
        for row in found:
            cells = [
                f"{row[name]:.2f} ({row['low']:.2f} to {row['high']:.2f})"
                if name == "ratio"
                else str(row[name])
                for name in names
            ]
            lines.append(f"| {' | '.join(cells)} |")
    path.with_suffix(".md").write_text("\n".join(lines[1:]) + "\n")
    draw(rows, path.with_suffix(".png"))
    print(f"Written to {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    add("--part", choices=PARTS, help=argparse.SUPPRESS)
    add("--changes", nargs="+", choices=[*CHANGES, WIDE])
    add("--first-batch", type=int, help=argparse.SUPPRESS)
    add("--folder", help="where the photographs are made; default: a new one")
    add("--photos", type=int, default=PHOTOS)
    add("--rows", type=int, default=max(ROWS))
    add("--figure", action="store_true")
    arguments = parser.parse_args()
    output = RESULTS / "data.json"
    if arguments.figure:
        draw(json.loads(output.read_text())["rows"], output.with_suffix(".png"))
        return
    if arguments.first_batch:
        print(json.dumps(first_batch(arguments.folder, arguments.first_batch)))
        return
    if arguments.part:
        part = PARTS[arguments.part]
        if part is fit:
            changes = arguments.changes or [*CHANGES, WIDE]
            part = functools.partial(fit, changes=changes)
        for row in part(arguments.folder):
            print(json.dumps(row), flush=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(arguments.folder or scratch)
        if not (folder / "a").exists():
            photographs(folder, arguments.photos)
        rows = []
        for part in arguments.parts:
            if part == "start" and not (folder / "many").exists():
                link_many(folder, arguments.rows)
            command = [sys.executable, __file__, "--part", part]
            if arguments.changes:
                command += ["--changes", *arguments.changes]
            answer = subprocess.run(
                [*command, "--folder", str(folder)],
                stdout=subprocess.PIPE,
                check=True,
            )
            rows += map(json.loads, answer.stdout.splitlines())
            print(*rows, sep="\n")
    write(output, rows)


if __name__ == "__main__":
    main()
