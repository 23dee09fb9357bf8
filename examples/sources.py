"""Where the images of a run come from: a name, a file or a folder."""

import dataclasses
import functools
import pathlib

import keras
import numpy as np

from keras_attention import datasets
from keras_attention.datasets.epochs import EpochBatches

# Of the embedded data: one 16-pixel digit among fragments of others, so many
# on 56 x 56 pixels, and as close to each other on other sizes.
FRAGMENTS, FRAGMENTS_SIZE, TEST_IMAGES = 10, 56, 2000
VALIDATION_SHARE = 0.1


def load(arguments, recipe, seed=0, supervised=True, resumable=False):
    """`train, validation, test` as batches, and what is known of the data.

    Args:
        arguments: Those of `train.py`, by name.
        recipe: Its recipe, of which `flip`, `crop`, `rotation` and `balance`
            concern the training images.
        seed: Of the order of the training images and of their augmentation.
        supervised: Whether batches are pairs; otherwise they are dictionaries
            with masks, if there are any.
        resumable: Whether `train` is to be batches whose position can be set,
            as `training.Resumable` takes, where TFDS gives a
            `tf.data.Dataset`. Their order is the same.

    Returns:
        A `datasets.Splits`.
    """
    name, size = arguments["dataset"], arguments["size"]
    batch_size = arguments["batch_size"]
    options = dict(batch_size=batch_size, seed=seed, supervised=supervised)
    if name == "cluttered_digits":
        _refuse_augmentation(name, recipe)
        images = arguments["images"] or 7000
        return _of_tfds(
            resumable,
            name,
            canvas=size,
            fragments=round(FRAGMENTS * (size / FRAGMENTS_SIZE) ** 2),
            train=images,
            # A look at few images ends with few.
            test=min(TEST_IMAGES, images),
            **options,
        )
    if not (name.startswith("keras:") or pathlib.Path(name).exists()):
        _refuse_augmentation(name, recipe)
        return _of_tfds(resumable, name, size=size, **options)

    splits = examples(name, size, arguments["images"])
    augment = datasets.Augmentation(
        flip=recipe["flip"],
        crop=recipe["crop"],
        rotation=recipe["rotation"],
        seed=seed,
    )
    train = datasets.batches(
        splits.train, augment=augment, balance=recipe["balance"], **options
    )
    options["seed"] = None
    others = (datasets.batches(part, **options) for part in splits[1:])
    return datasets.Splits(train, *others, splits.info)


@functools.lru_cache(maxsize=1)
def examples(name, size, images=None):
    """The decoded images of an `.npz` file, a folder or `keras.datasets`.

    Args:
        name: A path, or `keras:fashion_mnist` for a data set of Keras.
        size: Height and width they are resized to.
        images: How many to train on, drawn at random; `None` is all.
    """
    if name.startswith("keras:"):
        splits = _of_keras(name.removeprefix("keras:"), size)
    elif name.endswith(".npz"):
        splits = datasets.from_npz(name, size=size)
    else:
        splits = datasets.split(datasets.from_folder(name, size=size))
    train, validation, test = splits
    if not len(validation):
        train, validation = _carve(train)
    if images is not None and images < len(train):
        chosen = np.random.default_rng(0).permutation(len(train))[:images]
        train = train[np.sort(chosen)]
    parts = {"train": train, "validation": validation, "test": test}
    sizes = {role: len(part) for role, part in parts.items()}
    info = dataclasses.replace(splits.info, sizes=sizes)
    return datasets.Splits(train, validation, test, info)


class Positioned(EpochBatches):
    """The pairs of a `tf.data.Dataset`, which keeps them in its order.

    As `datasets.load` has it, the first epoch of `fit` has the order number 0;
    `fit` begins with the epoch 1 of these batches.
    """

    def __init__(self, pairs, batch_size, seed):
        columns = zip(*(map(np.asarray, pair) for pair in pairs), strict=True)
        self.images, self.labels = map(np.concatenate, columns)
        super().__init__(len(self.labels), batch_size, seed)

    def order(self, epoch):
        return super().order(max(epoch - 1, 0))

    def batch(self, epoch, positions):
        chosen = self.chosen(epoch, positions)
        return self.images[chosen], self.labels[chosen]


def _of_tfds(resumable, name, **options):
    if not resumable or keras.backend.backend() != "tensorflow":
        return datasets.load(name, **options)
    splits = datasets.load(name, **{**options, "seed": None})
    options = {key: options[key] for key in ("batch_size", "seed")}
    train = Positioned(splits.train, **options)
    return datasets.Splits(train, *splits[1:], splits.info)


def _carve(train):
    """A tenth of the training images, at random, for validation."""
    order = np.random.default_rng(0).permutation(len(train))
    count = round(VALIDATION_SHARE * len(train))
    return train[np.sort(order[count:])], train[np.sort(order[:count])]


def _of_keras(name, size):
    module = getattr(keras.datasets, name, None)
    if module is None:
        raise ValueError(f"keras.datasets has no {name!r}.")
    pairs = module.load_data()
    parts = [datasets.from_arrays(*pair, size=size) for pair in pairs]
    train, test = parts
    info = datasets.DataInfo(
        f"keras.datasets.{name}", train.image_shape, train.class_names, {}, {}
    )
    return datasets.Splits(train, train[[]], test, info)


def _refuse_augmentation(dataset, recipe):
    for name in ("flip", "crop", "rotation", "balance"):
        if recipe[name]:
            raise ValueError(
                f"{name} needs images from a file, a folder or keras:, not "
                f"from TFDS. Received: {name}={recipe[name]!r}, "
                f"dataset={dataset!r}"
            )
