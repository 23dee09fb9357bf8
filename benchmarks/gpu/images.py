"""CIFAR-10, JPEG copy, from the kit; without a kit, random images."""

import pathlib

import numpy as np

from keras_attention import datasets

MEAN, DEVIATION = (125.3, 122.9, 113.9), (62.5, 61.9, 66.5)


def load(settings):
    """Arrays `(images, labels)` to train and to test on, standardised.

    Args:
        settings: Those of the process; `images` is the kit's file.

    Returns:
        Two pairs. Images are float32.
    """
    if not pathlib.Path(settings["images"]).exists():
        if not settings["dry"]:
            raise SystemExit(f"There is no {settings['images']}.")
        return [made_up(seed) for seed in (0, 1)]
    splits = datasets.from_npz(settings["images"])
    return [
        (standardize(part.images), np.asarray(part.labels))
        for part in (splits.train, splits.test)
    ]


def standardize(images):
    scaled = (images.astype("float32") - MEAN) / DEVIATION
    return scaled.astype("float32")


def made_up(seed, count=50):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(count, 32, 32, 3)).astype("float32")
    return images, np.arange(count) % 10
