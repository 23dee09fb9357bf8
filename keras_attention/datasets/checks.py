"""What can be wrong with one example."""

import contextlib
import os
import typing

import numpy as np

from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import ReadMask
from keras_attention.datasets.boxes import box_fault
from keras_attention.datasets.cache import ReadRow
from keras_attention.datasets.header import Header
from keras_attention.datasets.header import read_header
from keras_attention.datasets.images import decoded
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.images import size_of
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.pixels import status

# With these, files are wrong ...
FILE_FAULTS = (
    "unreadable image",
    "image of another size",
    "unreadable mask",
    "mask of another size",
)
# ... and with all of these, an example is of no use.
FAULTS = (*FILE_FAULTS, "invalid label", "invalid box")


class Checked(typing.NamedTuple):
    """What was found out about an example.

    Args:
        header: `Header` of its file, or `None`.
        seen: tuple, what `status` told of its file and of its mask's.
        found: list of tuples `(file, kind, reason)`.
    """

    header: Header | None
    seen: tuple
    found: list


def check(these, index, decode):
    """Checks an example.

    Args:
        these: `Examples`.
        index: int.
        decode: bool, whether its files are decoded.

    Returns:
        A `Checked`.
    """
    parts = (these.images, these.masks)
    # Before it is read: what changes meanwhile has changed.
    seen = tuple(
        status(part.file(index)) if isinstance(part, Pixels) else None
        for part in parts
    )
    found = []
    header = _check_image(these, index, decode, found)
    known = these.has_mask is None or these.has_mask[index]
    if these.masks is not None and known:
        _check_mask(these, index, decode, header, found)
    name, label = these.names[index], these.labels[index]
    if these.multi_label:
        valid = np.isin(label, (0, 1)).all()
    else:
        valid = 0 <= label < these.classes
    if not valid:
        reason = f"{label} is no label of {these.classes} classes"
        found.append((name, "invalid label", reason))
    for box in () if these.boxes is None else these.boxes[index]:
        fault = box_fault(box)
        if fault:
            found.append((name, "invalid box", f"the box {box} {fault}"))
    return Checked(header, seen, found)


def file_of(these, index):
    """The file or the bytes that an image comes from, if it is known."""
    images = these.images
    # What others read may be no image file at all.
    if isinstance(images, Pixels) and _is_ours(images, ReadImage):
        return images.file(index)
    return None


def shown(file, name):
    """A path as text that every file can hold; the name of what has none."""
    if not isinstance(file, (str, os.PathLike)):
        file = name
    return os.fspath(file).encode("utf-8", "backslashreplace").decode()


def _check_image(these, index, decode, found):
    name, header = these.names[index], None
    file = file_of(these, index)
    if file is None:
        if decode and isinstance(these.images, Pixels):
            with _noted(found, name, "unreadable image"):
                these.images[index]
        return None
    path = shown(file, name)
    with _noted(found, path, "unreadable image"):
        header = read_header(file, name=repr(path))
        if decode:
            # An eighth of a JPEG file's resolution takes all of its bytes.
            decoded(file, name=repr(path), factor=lambda size: 1e-9)
    if header and isinstance(these.images.read, ReadImage):
        with _noted(found, path, "image of another size"):
            these.images.read.check(header.size)
    return header


def _check_mask(these, index, decode, header, found):
    mask, size, masks, name = None, None, these.masks, these.names[index]
    source = path = name
    if not isinstance(masks, Pixels):
        mask = masks[index]
    elif not _is_ours(masks, ReadMask):
        with _noted(found, name, "unreadable mask"):
            mask = masks[index] if decode else None
    else:
        source = masks.file(index)[0]
        path = shown(source, name)
        with _noted(found, path, "unreadable mask"):
            if callable(source):
                mask = header and source(header.size)
            elif decode:
                mask = read_mask(source, name=repr(path))
            else:
                size = read_header(source, "mask", repr(path)).size
        size = size if mask is None else mask.shape[:2]
        if header and size and size != header.size:
            # Headers do not tell all of it, see `read_header`.
            with _noted(found, path, "mask of another size"):
                file = masks.file(index)[1]
                original = size_of(file, name=repr(shown(file, name)))
                ReadMask(original, "stretch").of(source, original)
    if mask is not None and not mask.any():
        found.append((path, "empty mask", "it shows nothing of the object"))
    elif mask is not None and mask.all():
        found.append((path, "full mask", "all of it is the object"))


def _is_ours(pixels, read):
    return isinstance(pixels.read, (read, ReadRow))


@contextlib.contextmanager
def _noted(found, file, kind):
    try:
        yield
    except ValueError as error:
        found.append((file, kind, str(error)))
