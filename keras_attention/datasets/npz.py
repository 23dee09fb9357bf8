"""Examples from one `.npz` file that holds the encoded images of a data set."""

import functools
import itertools
import pathlib

import numpy as np

from keras_attention.datasets.array_labels import check_indices
from keras_attention.datasets.array_labels import check_labels
from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import assemble
from keras_attention.datasets.boxes import check_boxes
from keras_attention.datasets.duplicates import warn_of_copies
from keras_attention.datasets.info import ROLES
from keras_attention.datasets.info import splits_of
from keras_attention.datasets.problems import Problems
from keras_attention.internals.archive import read_arrays
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_int

REQUIRED = ("jpeg", "offsets", "split")
OPTIONAL = ("names", "boxes", "box_image", "pseudo_mask", "pseudo_ok")


def from_npz(
    path,
    size=None,
    layout="stretch",
    label="label",
    channels=3,
    cache="auto",
    max_bytes=None,
):
    """Reads a data set that is packed into one `.npz` file.

    The arrays of the file:

    - `jpeg` uint8, the images' files end to end (any format that
      `read_image` knows), `offsets` `(count + 1,)`: image `i` is
      `jpeg[offsets[i]:offsets[i + 1]]`;
    - `split` `(count,)`: 0 train, 1 validation, 2 test. A split may have no
      images; it is then an `Examples` of length 0;
    - `label` `(count,)`, indices into `class_names`;
    - optional: `names`; `boxes` `(objects, 4)`, `[xmin, ymin, xmax, ymax]` as
      shares of the stored image, with `box_image` `(objects,)` and
      `box_label`; `pseudo_mask`, bit-packed masks of the image's size, with
      `pseudo_ok` `(count,)`, where they are to be trusted. Elsewhere the
      mask counts as unknown and is left empty.

    Args:
        path: str or path, the file.
        size: int or tuple `(height, width)`; `None` if the images have one
            size. Defaults to `None`.
        layout: str, `"stretch"`, `"pad"` or `"crop"`; see `lay_out`.
            Defaults to `"stretch"`.
        label: str, the array to take as label: `"coarse_label"` goes with the
            names in `coarse_names`; an array of words makes classes of the
            words that occur; `"box_label"` gives the classes of an image's
            boxes, multi-label. Defaults to `"label"`.
        channels: int, 3 for RGB or 1 for grey. Defaults to `3`.
        cache: str or `None`: `"memory"` holds the decoded images, `None`
            decodes them whenever they are asked for, `"auto"` takes memory up
            to 1 GiB and `None` beyond. Defaults to `"auto"`.
        max_bytes: int, what the arrays may take in memory, for a file of a few
            bytes can ask for all there is; `None` is 100 times the file, or 256
            MiB if that is more. Defaults to `None`.

    Returns:
        A `Splits` of `Examples`, with `info`.

    Raises:
        ValueError: for a file that is no such data set, naming what is
            missing and what is there, and for images, labels or boxes that
            are wrong, as `from_arrays`. Nothing in the file is unpickled, and
            nothing is read before names, shapes and sizes have been checked.

    Example:

    ```python
    train, validation, test = datasets.from_npz("isic.npz", size=64)
    model.fit(train.images / 255, train.labels)
    ```
    """
    one_of("cache", cache, ("auto", "memory", None))
    positive_int("max_bytes", max_bytes, optional=True)
    reader = ReadImage(size, layout, channels)
    path = pathlib.Path(path)
    of_names = "class_names"
    if label not in ("label", "box_label"):
        of_names = label.removesuffix("label") + "names"
    required, optional = (*REQUIRED, label), (*OPTIONAL, of_names)
    arrays = read_arrays(path, required, optional, max_bytes, _check_shapes)
    count = _check_offsets(arrays, path.name)
    names = tuple(f"{path.stem}[{index}]" for index in range(count))
    if "names" in arrays:
        names = tuple(_texts(arrays["names"]))
    problems = Problems(path.name, names)
    boxes = _boxes(arrays, names, problems)
    labels, class_names = _labels(arrays, label, of_names, names, problems)
    ends = itertools.pairwise(arrays["offsets"].tolist())
    files = [arrays["jpeg"][start:end] for start, end in ends]
    masks = _masks(arrays, count)
    known = dict(labels=labels, class_names=class_names, names=names)
    whole = assemble(files, masks, boxes, reader, cache, problems, **known)
    parts = [whole[arrays["split"] == role] for role in range(len(ROLES))]
    warn_of_copies(*parts)
    sources = [f"{path.name}[split == {role}]" for role in range(len(ROLES))]
    return splits_of(path.stem, parts, sources)


def _check_shapes(headers):
    """Raises if the arrays are not of so many images each."""
    offsets = headers["offsets"].shape
    count = offsets[0] - 1 if len(offsets) == 1 else 0
    for key in ("split", "names", "pseudo_mask", "pseudo_ok"):
        shape = headers[key].shape if key in headers else (count,)
        if shape[:1] != (count,):
            raise ValueError(
                f"it has {count} images and {(*shape, 0)[0]} entries of {key}"
            )
        if len(shape) != 1 + (key == "pseudo_mask" and key in headers):
            raise ValueError(f"{key} has the shape {shape}")


def _check_offsets(arrays, name):
    offsets, jpeg = arrays["offsets"], arrays["jpeg"]
    ordered = (
        offsets.ndim == 1
        and len(offsets) > 1
        and offsets.dtype.kind in "iu"
        and jpeg.dtype == np.uint8
        and jpeg.ndim == 1
        and offsets[0] == 0
        and offsets[-1] == len(jpeg)
        and np.all(offsets[1:] >= offsets[:-1])
    )
    if not ordered:
        raise ValueError(
            f"{name}: offsets do not divide the {jpeg.size} bytes of jpeg "
            "into images: they have to rise from 0 to that"
        )
    unknown = sorted(set(arrays["split"].tolist()) - set(range(len(ROLES))))
    if unknown:
        raise ValueError(f"{name}: split is 0, 1 or 2, not {unknown}")
    return len(offsets) - 1


def _labels(arrays, label, of_names, names, problems):
    values = arrays[label]
    class_names = None
    if of_names in arrays and values.dtype.kind not in "US":
        class_names = _texts(arrays[of_names])
    if label == "box_label":
        return _in_boxes(arrays, values, names, class_names, problems)
    if np.shape(values)[:1] != (len(names),):
        expected = f"an array with an entry for each of {len(names)} images"
        raise ValueError(invalid("label", label, expected))
    return check_labels(values, problems, class_names)


def _texts(array):
    return [
        text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        for text in array.tolist()
    ]


def _in_boxes(arrays, box_label, names, class_names, problems):
    """The classes of an image's boxes, from the class of every box."""
    owner = _owners(arrays, names)
    if box_label.shape != owner.shape:
        expected = f"a class for each of {len(owner)} entries of box_image"
        raise ValueError(invalid("box_label", box_label.shape, expected))
    if box_label.dtype.kind not in "iu":
        raise ValueError(
            invalid("box_label", box_label.dtype.name, "whole numbers")
        )
    found, class_names = check_indices(box_label, problems, class_names, owner)
    labels = np.zeros((len(names), len(class_names)), "float32")
    labels[owner, found] = 1
    return labels, class_names


def _boxes(arrays, names, problems):
    """The boxes of each image, y before x; `None` where the file has none."""
    if "boxes" not in arrays:
        return None
    owner, boxes = _owners(arrays, names), arrays["boxes"]
    if boxes.shape != (len(owner), 4):
        raise ValueError(
            f"boxes has to be {(len(owner), 4)}, as many as box_image has "
            f"entries. It is {boxes.shape}"
        )
    order = np.argsort(owner, kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=len(names)))
    parts = np.split(boxes[order][:, [1, 0, 3, 2]], ends[:-1])
    return check_boxes(parts, problems)


def _owners(arrays, names):
    """Which image each box is in."""
    owner = arrays.get("box_image", np.zeros(0))
    valid = owner.ndim == 1 and owner.dtype.kind in "iu"
    if not valid or not np.all((owner >= 0) & (owner < len(names))):
        raise ValueError(
            "box_image has to say of each box which of the "
            f"{len(names)} images it is in"
        )
    return owner.astype("int64")


def _masks(arrays, count):
    """Of each image what unpacks its mask, `None` where none can be trusted."""
    if "pseudo_mask" not in arrays:
        return None
    trusted = arrays.get("pseudo_ok", np.ones(count, bool))
    return [
        functools.partial(_unpack, bits) if ok else None
        for bits, ok in zip(arrays["pseudo_mask"], trusted, strict=True)
    ]


def _unpack(bits, size):
    height, width = size
    if bits.dtype != np.uint8:
        raise ValueError(f"pseudo_mask is {bits.dtype}, not bits in uint8")
    mask = np.unpackbits(bits)
    if not 0 <= mask.size - height * width < 8:
        raise ValueError(
            f"the mask has {mask.size} bits, the image {height} x {width} "
            "pixels"
        )
    return mask[: height * width].reshape(height, width, 1)
