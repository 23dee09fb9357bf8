"""The arrays of `Examples` from images that are read one at a time."""

import concurrent.futures
import os

import numpy as np

from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.layout import lay_out_boxes


def assemble(
    where,
    read_image,
    read_mask=None,
    boxes=None,
    *,
    problems,
    size=None,
    layout="stretch",
    channels=3,
):
    """Reads, checks and lays out every image, with its mask and boxes.

    Decoding releases Python's lock, so the images are read in threads, each
    straight into its place in the result: no more than a few originals are
    in memory at once.

    Args:
        where: sequence of str, what messages call each image.
        read_image: callable from an index to uint8 `(height, width, channels)`,
            which raises `ValueError` if it cannot.
        read_mask: callable from an index and the image's `(height, width)` to
            uint8 `(height, width, 1)` or, if there is no mask, `None`. Defaults
            to `None`.
        boxes: sequence of arrays `(objects, 4)`, shares of the originals.
            Defaults to `None`.
        problems: `Problems`, which what cannot be read is added to.
        size: tuple `(height, width)`; the size of the first image if `None`,
            which all others must then have. Defaults to `None`.
        layout: str, as for `layout.place`. Defaults to `"stretch"`.
        channels: int. Defaults to `3`.

    Returns:
        A dict with the fields of `Examples` that were made.
    """
    count = len(where)
    same = size is None
    size = size or _first_size(count, read_image)
    images = np.zeros((count, *size, channels), "uint8")
    masks = np.zeros((count, *size, 1), "uint8") if read_mask else None
    has_mask = np.zeros(count, bool)
    sizes = np.zeros((count, 2), "int64")
    placed_boxes = [None] * count if boxes is not None else None

    def work(index):
        try:
            image = read_image(index)
        except ValueError as error:
            return [str(error)]
        found = []
        original = image.shape[:2]
        sizes[index] = original
        if same and original != size:
            found.append(
                f"the image is {_by(original)}, the first one {_by(size)}; "
                "pass size to bring them to one"
            )
        else:
            images[index] = lay_out(image, size, layout)
        if boxes is not None:
            placed_boxes[index] = lay_out_boxes(
                boxes[index], original, size, layout
            )
        try:
            mask = read_mask(index, original) if read_mask else None
        except ValueError as error:
            return [*found, str(error)]
        if mask is None:
            return found
        if mask.shape[:2] != original:
            shapes = f"the mask is {_by(mask.shape)}, the image"
            return [*found, f"{shapes} {_by(original)}"]
        has_mask[index] = True
        if not found:
            masks[index] = lay_out(mask, size, layout, "nearest")
        return found

    threads = min(8, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for name, found in zip(
            where, pool.map(work, range(count)), strict=True
        ):
            for text in found:
                problems.add(f"{name}: {text}")
    return dict(
        images=images,
        masks=masks,
        has_mask=None if masks is None or has_mask.all() else has_mask,
        boxes=placed_boxes,
        original_sizes=sizes,
        layout=layout,
    )


def _first_size(count, read_image):
    for index in range(count):
        try:
            return read_image(index).shape[:2]
        except ValueError:
            # Said with its name when its turn comes.
            continue
    return (1, 1)


def _by(shape):
    return f"{shape[0]} x {shape[1]}"
