"""Random changes of training images that masks and boxes follow."""

import dataclasses
import math
import numbers

import numpy as np
from PIL import Image

from keras_attention.internals import arguments

# One random number each, drawn whether used or not, so that switching one
# change on leaves the others as they were.
_DRAWS = 10
_BILINEAR, _NEAREST = Image.Resampling.BILINEAR, Image.Resampling.NEAREST


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random changes of training images, together with masks and boxes.

    Of each image `contrast` and `brightness` are changed first. Then one
    map moves it, about its centre: flip, rotation and zoom, then translation
    and crop. The map is applied once, bilinearly to the image and nearest to
    the mask; without rotation, zoom and translation it moves whole pixels and
    is exact. A box becomes the box around its moved corners, within the
    image. What comes in from outside is 0.

    The changes are a function of seed, epoch and position alone: another
    batch size, thread or backend or an interruption changes nothing.

    Args:
        flip: str or `None`, `"horizontal"`, `"vertical"` or `"both"` (each by
            itself); each with probability 1/2. Defaults to `None`.
        rotation: float, largest angle in degrees, either way, 0 to 180.
            Defaults to `0.0`.
        translation: float, largest shift either way, as a share of height and
            width, in [0, 1). Defaults to `0.0`.
        zoom: float, images are scaled by 1 - zoom to 1 + zoom, in [0, 1).
            Defaults to `0.0`.
        crop: int, largest shift either way in whole pixels: padding by `crop`
            and cutting out a window of the image's size. Defaults to `0`.
        brightness: float, largest number added to or taken from the image, as a
            share of white, in [0, 1). Defaults to `0.0`.
        contrast: float, distances from the mean of a channel are scaled by 1 -
            contrast to 1 + contrast, in [0, 1). Defaults to `0.0`.
        seed: int, not negative. Defaults to `0`.

    Call arguments:
        elements: dict with `image`, uint8 `(batch, height, width, channels)`,
            optionally `mask`, uint8 of the same rank and size, and `boxes`,
            float `(batch, objects, 4)`, `(ymin, xmin, ymax, xmax)` as shares
            of the image. Others are passed on.
        epoch: int, not negative.
        positions: int `(batch,)`, where the images stand in the epoch.

    Returns:
        A dict of the same shapes and dtypes, boxes float32. A box that left
        the image is zeros, as padding is.

    Raises:
        ValueError: On a bad argument, images that are not uint8, or images
            not larger than `crop`.

    Example:

    >>> augment = Augmentation(flip="horizontal", crop=4)
    >>> elements = {"image": np.zeros((2, 32, 32, 3), "uint8")}
    >>> augment(elements, epoch=0, positions=[0, 1])["image"].shape
    (2, 32, 32, 3)

    Reference:
        Flip and crop: Lee et al.: Deeply-Supervised Nets. AISTATS 2015.

    Differs from the paper:
        Keras' layers draw from a running state, so that the same seed gives
        other images after an interruption and on other backends, and in
        3.15.1 `RandomCrop` leaves boxes where they were, `RandomRotation`
        loses boxes given as shares and, under PyTorch, uint8 masks.
        Torchvision scales brightness where Keras and this class add.

    Cost:
        Flips and crops are one copy. The other moves take Pillow about
        0.1 ms an RGB image of 32x32 and 2 ms one of 224x224.

    See also:
        `batches`, which applies it.
    """

    flip: str | None = None
    rotation: float = 0.0
    translation: float = 0.0
    zoom: float = 0.0
    crop: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    seed: int = 0

    def __post_init__(self):
        choices = (None, "horizontal", "vertical", "both")
        arguments.one_of("flip", self.flip, choices)
        angle = self.rotation
        if not isinstance(angle, numbers.Real) or not 0 <= angle <= 180:
            expected = "degrees from 0 to 180"
            raise ValueError(arguments.invalid("rotation", angle, expected))
        for name in ("translation", "zoom", "brightness", "contrast"):
            arguments.fraction(name, getattr(self, name))
        arguments.non_negative_int("crop", self.crop)
        arguments.non_negative_int("seed", self.seed)

    def __call__(self, elements, epoch, positions):
        """Changes a batch; see the class."""
        images = elements["image"]
        kind, size = images.dtype, images.shape[1:3]
        if kind != np.uint8:
            raise ValueError(arguments.invalid("image", kind, "uint8 images"))
        if self.crop >= min(size):
            expected = f"a shift smaller than the images, {size}"
            raise ValueError(arguments.invalid("crop", self.crop, expected))
        draws = self._draw(epoch, positions)  # (batch, draws)
        matrices, shifts = self._map(draws, size)
        exact = not (self.rotation or self.translation or self.zoom)
        move = _move_pixels if exact else _resample
        moved = dict(elements)
        if self.brightness or self.contrast:
            moved["image"] = self._recolour(images, draws)
        methods = {"image": _BILINEAR, "mask": _NEAREST}
        for name in methods.keys() & moved.keys():
            moved[name] = move(moved[name], matrices, shifts, methods[name])
        if "boxes" in moved:
            moved["boxes"] = _move_boxes(moved["boxes"], matrices, shifts, size)
        return moved

    def _draw(self, epoch, positions):
        keys = [(epoch, int(position)) for position in positions]
        seeds = [np.random.SeedSequence(self.seed, spawn_key=k) for k in keys]
        return np.stack(
            [np.random.default_rng(s).random(_DRAWS) for s in seeds]
        )

    def _map(self, draws, size):
        """Pixels `p` go to `matrix (p - centre) + centre + shift`."""
        may = [
            self.flip in (axis, "both") for axis in ("vertical", "horizontal")
        ]
        flips = np.where((draws[:, :2] < 0.5) & may, -1.0, 1.0)  # (batch, 2)
        either_way = 2 * draws - 1
        angles = math.radians(self.rotation) * either_way[:, 2]
        scales = 1 + self.zoom * either_way[:, 3]
        cosines, sines = scales * np.cos(angles), scales * np.sin(angles)
        turns = np.array([[cosines, -sines], [sines, cosines]])
        matrices = turns.transpose(2, 0, 1) * flips[:, None, :]
        crops = np.floor(draws[:, 6:8] * (2 * self.crop + 1)) - self.crop
        shifts = self.translation * either_way[:, 4:6] * size + crops
        return matrices, shifts

    def _recolour(self, images, draws):
        either_way = 2 * draws - 1
        scales = (1 + self.contrast * either_way[:, 8]).astype("float32")
        # By rows first: a mean over both axes at once is 20 times slower.
        means = images.mean(axis=1).mean(axis=1)  # (batch, channels)
        offsets = means * (1 - scales[:, None])
        offsets += 255 * self.brightness * either_way[:, 9, None]
        offset = np.repeat(offsets[:, None], images.shape[2], axis=1)
        offset = offset.astype("float32")  # (batch, width, channels)
        changed = np.empty_like(images)
        # One by one: an image stays in the processor's cache.
        for index, image in enumerate(images):
            image = image * scales[index] + offset[index]
            changed[index] = np.rint(image.clip(0, 255, out=image), out=image)
        return changed


def _move_pixels(values, matrices, shifts, resampling):
    """Flips and shifts by whole pixels, `(batch, height, width, channels)`."""
    # Pixels move whole, which takes a third of the time of single bytes.
    pixel = np.dtype((np.void, values.shape[-1] * values.itemsize))
    moved = np.zeros(values.shape, values.dtype)
    images = np.ascontiguousarray(values).view(pixel)
    for index, image in enumerate(images):
        down, right = np.diagonal(matrices[index]).astype(int)
        image = image[::down, ::right]
        places = [_overlap(int(shift)) for shift in shifts[index]]
        (to_rows, rows), (to_columns, columns) = places
        moved.view(pixel)[index, to_rows, to_columns] = image[rows, columns]
    return moved


def _overlap(shift):
    """Where pixels go and come from when they move by `shift`."""
    if shift < 0:
        return slice(None, shift), slice(-shift, None)
    return slice(shift, None), slice(None, -shift or None)


def _resample(values, matrices, shifts, resampling):
    """Moves pixels by any map, `(batch, height, width, channels)`."""
    height, width = values.shape[1:3]
    centre = np.array([height, width]) / 2
    inverses = np.linalg.inv(matrices)
    offsets = centre - np.einsum("bij,bj->bi", inverses, centre + shifts)
    moved = np.empty_like(values)
    for index, inverse in enumerate(inverses):
        # Pillow counts x before y.
        rows = np.c_[inverse, offsets[index]][::-1, [1, 0, 2]].ravel().tolist()
        for channel in range(values.shape[-1]):
            # Floats, because Pillow cuts the fractions of bytes off.
            plane = values[index, ..., channel].astype("float32")
            plane = Image.fromarray(plane).transform(
                (width, height), Image.Transform.AFFINE, rows, resampling
            )
            moved[index, ..., channel] = np.rint(plane)
    return moved


def _move_boxes(boxes, matrices, shifts, size):
    """Boxes around the moved corners, `(batch, objects, 4)`."""
    centre = np.asarray(size) / 2
    corners = np.stack([boxes[..., [0, 0, 2, 2]], boxes[..., [1, 3, 1, 3]]], -1)
    corners = corners * size - centre  # (batch, objects, corners, 2)
    corners = np.einsum("bij,bnkj->bnki", matrices, corners)
    corners += (centre + shifts)[:, None, None, :]
    corners = np.clip(corners / size, 0, 1)
    low, high = corners.min(axis=2), corners.max(axis=2)
    moved = np.concatenate([low, high], axis=-1)
    # Padding must not become a point in the middle of the image.
    real = (high > low).all(-1) & np.any(boxes, axis=-1)
    return np.where(real[..., None], moved, 0).astype("float32")
