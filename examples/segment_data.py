"""Images and the classes of their pixels: 0, 1 the object, 255 unknown."""

import pathlib

import keras
import numpy as np
import sources
from PIL import Image

from keras_attention import datasets
from keras_attention.datasets.files import Folder

UNKNOWN = 255


def digits(size, train, test):
    """The embedded digits among clutter; their masks are boxes."""
    settings = datasets.DigitsSettings(
        canvas=size,
        fragments=round(
            sources.FRAGMENTS * (size / sources.FRAGMENTS_SIZE) ** 2
        ),
        train=train,
        test=test,
    )
    parts = []
    for split in ("train", "test"):
        elements = list(datasets.generate(settings, split))
        pixels, masks = (
            np.stack([element[name] for element in elements])
            for name in ("image", "mask")
        )
        parts.append((as_image(pixels), masks[..., 0]))
    return parts


def npz(path, size):
    """The images of a packed file of which a mask is known."""
    splits = datasets.from_npz(path, size=size)
    parts = []
    for examples in (splits.train, splits.test):
        examples = examples[np.flatnonzero(examples.has_mask)]
        masks = np.asarray(examples.masks)[..., 0]
        parts.append((as_image(examples.images), masks))
    return parts


def tfds(name, size, of_object, unknown):
    """A set of TFDS with masks of class numbers, in memory."""
    splits = datasets.load(name, size=size, supervised=False, batch_size=32)
    parts = []
    for batches in (splits.train, splits.test):
        pairs = [(batch["image"], batch["mask"]) for batch in batches]
        images, masks = (
            np.concatenate([keras.ops.convert_to_numpy(x) for x in column])
            for column in zip(*pairs, strict=True)
        )
        labels = classes_of(masks[..., 0], of_object, unknown)
        parts.append((as_image(images), labels))
    return parts


def folder(path, size, of_object=None, unknown=None):
    """`path/images` and `path/masks`, of which every fifth is to test on.

    With `path/train` and `path/test` each of them holds `images` and `masks`.
    A mask has the name of its image. Volumes are `.npy` files of one shape.
    """
    path = pathlib.Path(path)
    options = size, of_object, unknown
    if (path / "train").is_dir():
        return [_files(path / part, *options) for part in ("train", "test")]
    images, labels = _files(path, *options)
    order = np.random.default_rng(0).permutation(len(images))
    tested = np.arange(len(images)) % 5 == 4
    return [
        (images[order[part]], labels[order[part]]) for part in (~tested, tested)
    ]


def _files(path, size, of_object, unknown):
    images, masks = (Folder(name, path / name) for name in ("images", "masks"))
    files = sorted(file for file in images.root.iterdir() if file.is_file())
    pairs = [(file, masks.find(file.stem)) for file in files]
    if len(pairs) < 5:
        raise ValueError(
            f"{images.root} must hold at least 5 images. Received: {len(pairs)}"
        )
    read = [_pair(*pair, size, of_object, unknown) for pair in pairs]
    shapes = {image.shape for image, _ in read}
    if len(shapes) > 1:
        raise ValueError(
            f"Volumes must have one shape. Received: {sorted(shapes)}"
        )
    pixels, labels = map(np.stack, zip(*read, strict=True))
    return as_image(pixels), labels


def _pair(image_path, mask_path, size, of_object, unknown):
    """One image and the classes of its pixels."""
    is_volume = image_path.suffix == ".npy"
    if is_volume:
        image = np.load(image_path)
        image = image[..., None] if image.ndim == 3 else image
    else:
        image = datasets.read_image(image_path)
    if mask_path.suffix == ".npy":
        values = np.load(mask_path)
    elif of_object is None and unknown is None:
        values = datasets.read_mask(mask_path)[..., 0]
    else:
        with Image.open(mask_path) as mask:
            values = np.array(mask)
    if values.shape != image.shape[:-1]:
        raise ValueError(
            f"{mask_path} must be of the size of its image, "
            f"{image.shape[:-1]}. Received: a mask of {values.shape}"
        )
    labels = classes_of(values, of_object, unknown)
    if is_volume:
        return image, labels
    image = datasets.lay_out(image, (size, size))
    labels = datasets.lay_out(labels[..., None], (size, size), method="nearest")
    return image, labels[..., 0]


def classes_of(values, of_object=None, unknown=None):
    """Values of masks as classes: without `of_object` all but 0 is one.

    >>> classes_of(np.array([1, 2, 3]), of_object=1, unknown=3).tolist()
    [1, 0, 255]
    """
    found = values != 0 if of_object is None else values == of_object
    return np.where(values == unknown, UNKNOWN, found).astype("uint8")


def as_image(pixels):
    """float32; bytes as shares of 255."""
    pixels = np.asarray(pixels)
    scale = 255 if pixels.dtype == np.uint8 else 1
    return pixels.astype("float32") / scale
