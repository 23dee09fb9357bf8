"""What is explained: of a model's answers, one number an image."""

import functools

import keras
import numpy as np

from keras_attention.internals import arguments


class Target:
    """The number that a map explains, for a number of images.

    Args:
        target: `None`, int, int array `(batch,)`, `InsideMask` or callable, see
            `grad_cam`.
        count: int, of images.

    Raises:
        ValueError: If it is none of these, or not one an image.
    """

    def __init__(self, target, count):
        self._score = _strongest
        self.values = None  # One entry an image, or nothing.
        if isinstance(target, InsideMask):
            self._score, self.values = target.score, target.masks
        elif callable(target):
            self._score = lambda outputs, _: target(outputs)
        elif target is not None:
            self.values = _class_ids(target, count)
            self._score = functools.partial(
                _of_class, highest=self.values.max(initial=0)
            )
        if self.values is not None and len(self.values) != count:
            raise ValueError(
                "Invalid value for argument target: expected one entry an "
                f"image, {count}. Received: {len(self.values)}"
            )

    def part(self, images):
        """The values of some images, what `score` takes.

        Args:
            images: slice.
        """
        return None if self.values is None else self.values[images]

    def score(self, outputs, values):
        """One number an image.

        Args:
            outputs: tensor or structure, what the model answers.
            values: array or `None`, what `part` returns.

        Returns:
            Tensor `(batch,)`, float32.

        Raises:
            ValueError: If the outputs have no such number.
        """
        tensors = keras.ops.convert_to_tensor
        outputs = keras.tree.map_structure(tensors, outputs)
        values = None if values is None else tensors(values)
        score = self._score(outputs, values)
        shape = getattr(score, "shape", ())
        if len(shape) != 1:
            raise ValueError(
                "Invalid value for argument target: expected a function that "
                "returns one number an image, (batch,). Received: one that "
                f"returns shape {tuple(shape)}"
            )
        return keras.ops.cast(score, "float32")


class InsideMask:
    """A target: the mean answer inside a mask or a box.

    For answers that are maps, `(batch, height, width, classes)`, of a
    segmentation network, say: `sum_p m_p y_p / sum_p m_p`, where `m` is the
    mask and `y` the map of the class.

    Args:
        masks: array `(batch, height, width)` in `[0, 1]` of the answers' size,
            or boxes `(batch, 4)`, `(ymin, xmin, ymax, xmax)` as shares of the
            image: the positions whose centre is inside.
        class_index: int, which of the classes. Defaults to `0`.

    Raises:
        ValueError: For other shapes.

    Example:

    >>> outputs = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> target = Target(InsideMask([[0, 0, 0.5, 1]], class_index=1), 1)
    >>> print(target.score(outputs, target.part(slice(None))))
    tf.Tensor([2.], shape=(1,), dtype=float32)
    """

    def __init__(self, masks, class_index=0):
        self.masks = arguments.real_array("masks", masks).astype("float32")
        is_boxes = self.masks.ndim == 2 and self.masks.shape[1] == 4
        if not is_boxes and self.masks.ndim != 3:
            raise ValueError(
                "Invalid value for argument masks: expected masks (batch, "
                "height, width) or boxes (batch, 4). Received: shape "
                f"{self.masks.shape}"
            )
        arguments.non_negative_int("class_index", class_index)
        self.class_index = class_index

    def score(self, outputs, masks):
        """The mean inside; see the class."""
        _expect_one(outputs)
        shape = tuple(outputs.shape)
        if len(shape) != 4 or self.class_index >= shape[-1]:
            raise ValueError(
                f"InsideMask of class {self.class_index} needs answers (batch,"
                f" height, width, classes). Received: answers of shape {shape}"
            )
        if len(masks.shape) == 2:
            masks = _box_masks(masks, shape[1:3])
        if tuple(masks.shape[1:]) != shape[1:3]:
            raise ValueError(
                f"Invalid value for argument masks: expected the size of the "
                f"answers, {shape[1:3]}. Received: {tuple(masks.shape[1:])}"
            )
        answers = keras.ops.cast(outputs[..., self.class_index], "float32")
        inside = keras.ops.sum(answers * masks, (1, 2))
        return inside / keras.ops.maximum(keras.ops.sum(masks, (1, 2)), 1e-7)


def predicted_classes(outputs):
    """The target of each image that `None` stands for: `(batch,)` int.

    Args:
        outputs: array `(batch, classes)`, what `predict` returns. A single
            output stands for class 1.

    Example:

    >>> print(predicted_classes(np.array([[0.2, 0.8], [0.9, 0.1]])))
    [1 0]
    """
    _expect_classes(outputs)
    if outputs.shape[1] == 1:
        return np.ones(len(outputs), "int64")
    return np.argmax(outputs, axis=1)


def _strongest(outputs, _):
    """The answer of the predicted class, of a single output that."""
    _expect_classes(outputs)
    return keras.ops.max(outputs, axis=1)


def _of_class(outputs, class_ids, highest):
    """The answer of the class; of a single output, class 0 is its negative."""
    _expect_classes(outputs)
    classes = outputs.shape[1]
    if highest >= max(2, classes):
        raise ValueError(
            "Invalid value for argument target: expected a class below "
            f"{max(2, classes)}. Received: {highest}"
        )
    if classes == 1:
        sign = keras.ops.cast(2 * class_ids - 1, outputs.dtype)
        return outputs[:, 0] * sign
    chosen = keras.ops.one_hot(class_ids, classes, dtype=outputs.dtype)
    return keras.ops.sum(outputs * chosen, axis=1)


def _class_ids(target, count):
    ids = np.asarray(target)
    if ids.ndim == 2 and ids.shape[1] == 1:
        ids = ids[:, 0]
    is_integer = np.issubdtype(ids.dtype, np.integer)
    if ids.ndim > 1 or not is_integer or (ids < 0).any():
        raise ValueError(
            "Invalid value for argument target: expected None, a class, "
            "classes (batch,), an InsideMask, or a function of the model's "
            f"answers. Received: {ids.dtype} of shape {ids.shape}"
        )
    return np.broadcast_to(ids, count) if ids.ndim == 0 else ids


def _box_masks(boxes, size):
    """Masks `(batch, *size)` of the positions whose centre is in the box."""
    ops = keras.ops
    rows, columns = (
        ops.cast((np.arange(n) + 0.5) / n, "float32")[None] for n in size
    )
    top, left, bottom, right = (boxes[:, i : i + 1] for i in range(4))
    inside_rows = ops.logical_and(rows >= top, rows < bottom)
    inside_columns = ops.logical_and(columns >= left, columns < right)
    inside = ops.logical_and(
        inside_rows[:, :, None], inside_columns[:, None, :]
    )
    return ops.cast(inside, "float32")


def _expect_one(outputs):
    if not hasattr(outputs, "shape"):
        raise ValueError(
            "A model with several outputs needs a target that says which: a "
            "function, e.g. target=lambda outputs: outputs[0][:, 3]. Received:"
            f" answers {type(outputs).__name__} of "
            f"{len(keras.tree.flatten(outputs))}"
        )


def _expect_classes(outputs):
    _expect_one(outputs)
    if len(outputs.shape) != 2:
        raise ValueError(
            "A class is a column of answers (batch, classes); for others "
            "target is a function of the answers, or an InsideMask. Received: "
            f"answers of shape {tuple(outputs.shape)}"
        )
