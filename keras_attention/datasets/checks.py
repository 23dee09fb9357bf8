"""What can be wrong with one example."""

import contextlib
import dataclasses
import os

import numpy as np

from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import ReadMask
from keras_attention.datasets.boxes import box_fault
from keras_attention.datasets.cache import ReadRow
from keras_attention.datasets.concatenate import origin
from keras_attention.datasets.images import decoded
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.opening import Header
from keras_attention.datasets.opening import read_header
from keras_attention.datasets.opening import size_of
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.pixels import status

# With these an example is of no use.
FAULTS = (
    "unreadable image",
    "image of another size",
    "unreadable mask",
    "mask of another size",
    "invalid label",
    "invalid box",
)


@dataclasses.dataclass
class Checked:
    """What was found out about an example.

    `content` is the path, bytes or array that its image comes from, if known;
    `size` the number of its bytes, or one that the same arrays share; `seen`
    what `status` told of its file and of its mask's, if they are read when they
    are asked for; `found` has tuples `(file, kind, reason)`.
    """

    part: int
    name: str
    content: object
    size: int | None
    seen: tuple
    header: Header | None = None
    found: list = dataclasses.field(default_factory=list)

    def note(self, kind, reason, file=None):
        """Notes a finding, of its image if no other file is named."""
        self.found.append((file or self.name, kind, reason))

    @contextlib.contextmanager
    def noting(self, kind, file=None):
        """Notes what cannot be read."""
        try:
            yield
        except ValueError as error:
            self.note(kind, str(error), file)

    @property
    def usable(self):
        """Whether nothing that was found is a fault."""
        return not any(kind in FAULTS for _, kind, _ in self.found)

    @property
    def file(self):
        """The path, or `None`."""
        return self.content if is_path(self.content) else None


def is_path(content):
    """Whether it is a path, not what is in a file."""
    return isinstance(content, (str, os.PathLike))


def check(part, these, index, decode):
    """Checks an example."""
    name, label = these.names[index], these.labels[index]
    images, place = origin(these.images, index)
    masks, mask_place = origin(these.masks, index)
    content = None
    if not isinstance(images, Pixels):
        content = images[place]
    # What others read may be no image file at all.
    elif isinstance(_reader(images), ReadImage):
        content = images.file(place)
    # Before it is read: what changes meanwhile has changed.
    seen = _status(images, place), _status(masks, mask_place)
    size = None if content is None or is_path(content) else len(content)
    if is_path(content):
        size = (status(content) or [None])[0]
    one = Checked(part, _shown(content, name), content, size, seen)
    if isinstance(images, Pixels):
        _check_image(one, images, place, decode)
    known = these.has_mask is None or these.has_mask[index]
    if masks is not None and known:
        _check_mask(one, masks, mask_place, decode)
    what = f"label of {these.classes} classes"
    if these.regression:
        what, valid = "finite number", np.isfinite(label).all()
    elif these.multi_label:
        valid = np.isin(label, (0, 1)).all()
    else:
        valid = 0 <= label < these.classes
    if not valid:
        one.note("invalid label", f"{label} is no {what}")
    for box in () if these.boxes is None else these.boxes[index]:
        fault = box_fault(box)
        if fault:
            one.note("invalid box", f"the box {box.tolist()} {fault}")
    return one


def _check_image(one, images, index, decode):
    reader = _reader(images)
    with one.noting("unreadable image"):
        if one.content is not None:
            one.header = read_header(one.content, name=repr(one.name))
            if decode:
                decoded(
                    one.content,
                    reader.channels,
                    name=repr(one.name),
                    # An eighth of a JPEG's resolution takes all of its bytes.
                    factor=lambda size: 1e-9,
                    white=reader.white,
                )
        elif decode:
            images[index]
    if one.header:
        with one.noting("image of another size"):
            reader.check(one.header.size)


def _check_mask(one, masks, index, decode):
    mask, size, source, path = None, None, None, one.name
    original = one.header and one.header.size
    if not isinstance(masks, Pixels):
        mask = masks[index]
    elif isinstance(_reader(masks), ReadMask):
        source = masks.file(index)[0]
        path = _shown(source, one.name)
    with one.noting("unreadable mask", path):
        if callable(source):
            mask = original and source(original)
        elif source is not None and decode:
            mask = read_mask(source, name=repr(path))
        elif source is not None:
            size = read_header(source, "mask", repr(path)).size
        elif decode:
            mask = masks[index]
    if mask is not None:
        size = mask.shape[:2]
        if not mask.any():
            one.note("empty mask", "it shows nothing of the object", path)
        elif mask.all():
            one.note("full mask", "all of it is the object", path)
    if source is not None and original and size and size != original:
        # Headers do not tell all of it, see `read_header`.
        with one.noting("mask of another size", path):
            original = size_of(one.content, name=repr(one.name))
            ReadMask(original, "stretch").of(source, original)


def _status(pixels, index):
    # What was decoded before, to one file, does not change with others.
    if not isinstance(pixels, Pixels) or isinstance(pixels.read, ReadRow):
        return None
    return status(pixels.file(index))


def _reader(pixels):
    """What reads the images' own files."""
    read = pixels.read
    return read.read if isinstance(read, ReadRow) else read


def _shown(content, name):
    """A path as text that every file can hold; the name of what has none."""
    path = os.fspath(content) if is_path(content) else name
    return path.encode("utf-8", "backslashreplace").decode()
