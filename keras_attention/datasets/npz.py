"""Examples from one `.npz` file that holds the encoded images of a data set."""

import functools
import itertools
import pathlib
import zipfile

import numpy as np

from keras_attention.datasets.arrays import check_labels
from keras_attention.datasets.assemble import assemble
from keras_attention.datasets.boxes import check_boxes
from keras_attention.datasets.duplicates import warn_of_copies
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.labels import nearest
from keras_attention.datasets.layout import LAYOUTS
from keras_attention.datasets.layout import check_size
from keras_attention.datasets.load import DataInfo
from keras_attention.datasets.load import Splits
from keras_attention.datasets.problems import Problems
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of

ROLES = ("train", "validation", "test")


def from_npz(
    path,
    size=None,
    layout="stretch",
    label="label",
    channels=3,
    cache="auto",
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

    Returns:
        A `Splits` of `Examples`, with `info`.

    Raises:
        ValueError: for a file that is no such data set, naming what is
            missing and what is there, and for images, labels or boxes that
            are wrong, as `from_arrays`. Nothing in the file is unpickled.

    Example:

    ```python
    train, validation, test = datasets.from_npz("isic.npz", size=64)
    model.fit(train.images / 255, train.labels)
    ```
    """
    one_of("layout", layout, LAYOUTS)
    one_of("cache", cache, ("auto", "memory", None))
    one_of("channels", channels, (1, 3))
    size = check_size(size)
    path = pathlib.Path(path)
    arrays = _load(path)
    for name in ("jpeg", "offsets", "split", label):
        if name not in arrays:
            raise ValueError(
                f"{path.name} has no array {name!r}."
                f"{nearest(name, arrays)} It has {', '.join(sorted(arrays))}."
            )
    count = _check_shapes(arrays, path.name)
    names = arrays.get("names")
    if names is None:
        names = [f"{path.stem}[{index}]" for index in range(count)]
    names = tuple(map(str, names))

    problems = Problems(path.name)
    boxes = _boxes(arrays, names, problems)
    labels, class_names = _labels(arrays, label, names, problems)
    offsets = arrays["offsets"].tolist()
    masks = None
    if "pseudo_mask" in arrays:
        masks = [
            functools.partial(_unpack, bits) if ok else None
            for bits, ok in zip(
                arrays["pseudo_mask"],
                arrays.get("pseudo_ok", itertools.repeat(True)),
                strict=False,
            )
        ]
    fields = assemble(
        names,
        [arrays["jpeg"][a:b] for a, b in itertools.pairwise(offsets)],
        masks,
        boxes,
        problems=problems,
        size=size,
        layout=layout,
        channels=channels,
        cache=cache,
    )
    problems.raise_any()
    whole = Examples(
        labels=labels, class_names=class_names, names=names, **fields
    )
    parts = [whole[arrays["split"] == role] for role in range(len(ROLES))]
    warn_of_copies(*parts)
    info = DataInfo(
        name=path.stem,
        image_shape=whole.image_shape,
        class_names=class_names,
        sizes=dict(zip(ROLES, map(len, parts), strict=True)),
        sources={
            name: f"{path.name}[split == {role}]"
            for role, name in enumerate(ROLES)
        },
    )
    return Splits(*parts, info)


def _load(path):
    if not path.is_file():
        raise ValueError(invalid("path", str(path), "an .npz file"))
    # NumPy would take anything else for a pickle, and suggest to load it.
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is damaged, or no .npz file.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _check_shapes(arrays, name):
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
    count = len(offsets) - 1
    for key in ("split", "names", "pseudo_mask", "pseudo_ok"):
        if key in arrays and len(arrays[key]) != count:
            raise ValueError(
                f"{name} has {count} images and {len(arrays[key])} entries "
                f"of {key}"
            )
    unknown = sorted(set(arrays["split"].tolist()) - set(range(len(ROLES))))
    if unknown:
        raise ValueError(f"{name}: split is 0, 1 or 2, not {unknown}")
    return count


def _labels(arrays, label, names, problems):
    values = arrays[label]
    of_names = "class_names"
    if label not in ("label", "box_label"):
        of_names = label.removesuffix("label") + "names"
    if values.dtype.kind in "US":
        class_names = None
    elif of_names in arrays:
        class_names = [str(name) for name in arrays[of_names].tolist()]
    else:
        class_names = None
    if label == "box_label":
        values = _in_boxes(arrays, values, len(names), class_names)
    if len(values) != len(names):
        expected = f"an array with an entry for each of {len(names)} images"
        raise ValueError(invalid("label", label, expected))
    return check_labels(values, names, problems, class_names)


def _in_boxes(arrays, box_label, count, class_names):
    classes = len(class_names) if class_names else int(box_label.max()) + 1
    if len(box_label) and box_label.max() >= classes:
        raise ValueError(
            f"box_label goes up to {box_label.max()}, but there are "
            f"{classes} class names"
        )
    labels = np.zeros((count, classes), "uint8")
    labels[arrays["box_image"], box_label] = 1
    return labels


def _boxes(arrays, names, problems):
    if "boxes" not in arrays:
        return None
    owner = arrays.get("box_image")
    boxes = arrays["boxes"]
    valid = (
        owner is not None
        and boxes.ndim == 2
        and boxes.shape[1] == 4
        and len(owner) == len(boxes)
        and np.all((owner >= 0) & (owner < len(names)))
    )
    if not valid:
        raise ValueError(
            "boxes has to be (objects, 4), and box_image has to say of each "
            f"which of the {len(names)} images it is in"
        )
    boxes = boxes[:, [1, 0, 3, 2]]
    order = np.argsort(owner, kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=len(names)))
    parts = np.split(boxes[order], ends[:-1])
    return check_boxes(parts, names, problems)


def _unpack(bits, size):
    height, width = size
    mask = np.unpackbits(bits)
    if not 0 <= mask.size - height * width < 8:
        raise ValueError(
            f"the mask has {mask.size} bits, the image {height} x {width} "
            "pixels"
        )
    return mask[: height * width].reshape(height, width, 1)
