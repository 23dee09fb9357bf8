"""Images to draw like, in memory: to train, to choose and to test on."""

import keras
import numpy as np
import sources

from keras_attention import datasets

SCALE = (2.25, 2.75)  # of the 8x8 digits, on 24x24


def read(arguments):
    """`[(images in [-1, 1], classes)]` of three parts."""
    name, size = arguments["data"], arguments["size"]
    if name == "digits":
        parts = digits(size, arguments["images"], arguments["test"])
    elif name.endswith(".npz"):
        splits = sources.examples(name, size, arguments["images"])
        parts = [_mixed(part.images, part.labels) for part in splits[:3]]
    else:
        splits = datasets.load(name, size=size, seed=None)
        parts = [_mixed(*_of_batches(part)) for part in splits[:3]]
        parts[0] = tuple(x[: arguments["images"]] for x in parts[0])
    return [
        (
            np.asarray(images).astype("float32") / 127.5 - 1,
            np.asarray(labels).astype("int32"),
        )
        for images, labels in parts
    ]


def digits(size, train, test):
    """The embedded ones, large and alone."""
    counts = {"train": train, "validation": test // 2, "test": test}
    settings = datasets.DigitsSettings(
        canvas=size, fragments=0, scale=SCALE, **counts
    )
    parts = []
    for split in counts:
        examples = list(datasets.generate(settings, split))
        columns = (
            np.stack([example[name] for example in examples])
            for name in ("image", "label")
        )
        parts.append(tuple(columns))
    return parts


def halves(part):
    """A set's images and labels, in two parts of one size."""
    half = len(part[0]) // 2
    both = slice(half), slice(half, 2 * half)
    return [tuple(x[some] for x in part) for some in both]


def _mixed(images, labels):
    """In a random order: files may have one class after the other."""
    order = np.random.default_rng(0).permutation(len(labels))
    return np.asarray(images)[order], np.asarray(labels)[order]


def _of_batches(batches):
    columns = zip(*batches, strict=True)
    return tuple(
        np.concatenate([keras.ops.convert_to_numpy(x) for x in column])
        for column in columns
    )
