"""What a model answers to images, and to what was made of them.

Through `predict` only, so alike on every backend and for every model.
"""

import keras
import numpy as np

from keras_attention.explanation.map_layers import MapLayers
from keras_attention.explanation.pixels import checked_pixels
from keras_attention.explanation.targets import InsideMask
from keras_attention.explanation.targets import Target
from keras_attention.explanation.targets import predicted_classes
from keras_attention.explanation.whole_sets import batches
from keras_attention.explanation.whole_sets import checked_images
from keras_attention.inspection.whole_batches import WholeBatches


class Answers:
    """The target's score of every image, also when the image is changed.

    Of a class it is the probability; answers that are logits go through a
    softmax, a single one through a sigmoid. A function or `InsideMask` takes
    the answers as they are.

    Args:
        model: `keras.Model` that answers every image by itself.
        images: array `(batch, height, width, channels)`, or channels first
            where the model takes them so, or volumes.
        target: any, what is explained; see `grad_cam`. The class that is
            predicted for `None` stays the same when an image is changed.
            Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        as_probabilities: bool, whether of a class it is the probability; else
            the answer as it is. Defaults to `True`.

    Attributes:
        images: float32 array, channels last; `as_given` puts them back.
        target: the target, with classes in place of `None`.
        size: tuple, `(height, width)` of the images.
        original: `(batch,)`, float64, the scores of the images as they are.

    Raises:
        ValueError: For other images or targets, and answers that are not
            finite.

    Example:

    >>> model = keras.Sequential([keras.layers.GlobalMaxPooling2D()])
    >>> image = np.array([[[0.25, 0.75]]])  # of one row
    >>> answers = Answers(model, image[..., None])
    >>> print(answers.original, answers(lambda images, _: images / 2))
    [0.75] [[0.375]]
    """

    def __init__(
        self,
        model,
        images,
        target=None,
        batch_size=32,
        as_probabilities=True,
    ):
        checked_images(images)
        first = MapLayers(model, images).channels_first
        images, self.axis, self.size = checked_pixels(images, first)
        self.images = np.moveaxis(images, self.axis, -1)
        self.batch_size = batch_size
        self.answer = WholeBatches(model)
        found = [
            (self.answer(self.as_given(batch)), part)
            for batch, part in batches(self.images, batch_size)
        ]
        if target is None:
            target = np.concatenate([predicted_classes(x) for x, _ in found])
        self.target = target
        self.scored = Target(target, len(self.images))
        of_class = not (callable(target) or isinstance(target, InsideMask))
        self.of_class = of_class and as_probabilities
        self.logits = self.of_class and any(are_logits(x) for x, _ in found)
        self.original = np.concatenate([self._score(*one) for one in found])
        if not np.isfinite(self.original).all():
            raise ValueError(
                "The model's answers are not finite for "
                f"{(~np.isfinite(self.original)).sum()} of {len(self.images)} "
                "images"
            )

    def __call__(self, *changes):
        """The scores of the images after each change, float64.

        Args:
            *changes: callables `(images, slice) -> images`, of a batch.

        Returns:
            `(batch, changes)`. Of few images, several changes are asked
            together.
        """
        scores = [
            self.of_part(part, changes)
            for _, part in batches(self.images, self.batch_size)
        ]
        return np.concatenate(scores)

    def of_part(self, part, changes):
        """The scores of some images after each change.

        Args:
            part: slice, of at most `batch_size` images.
            changes: list of callable, see `__call__`.

        Returns:
            `(images, changes)`.
        """
        batch = self.images[part]
        together = max(1, self.batch_size // len(batch))
        found = [np.zeros(0)]
        for start in range(0, len(changes), together):
            some = changes[start : start + together]
            changed = np.concatenate([f(batch, part) for f in some])
            answer = self.answer(self.as_given(changed.astype("float32")))
            found.append(self._score(answer, part, len(some)))
        found = np.concatenate(found)  # change after change
        return found.reshape(len(changes), -1).T

    def as_given(self, images):
        """Images with their channels where the model takes them."""
        return np.moveaxis(images, -1, self.axis)

    def _score(self, outputs, part, times=1):
        if self.of_class and getattr(outputs, "ndim", None) == 2:
            outputs = probabilities(outputs, self.logits)
        values = self.scored.part(part)
        if values is not None:
            values = np.concatenate([values] * times)
        score = self.scored.score(outputs, values)
        return keras.ops.convert_to_numpy(score).astype("float64")


def are_logits(outputs):
    """Whether answers are no probabilities: one is outside `[0, 1]`."""
    return not all(
        ((x >= 0) & (x <= 1)).all() for x in keras.tree.flatten(outputs)
    )


def probabilities(outputs, logits):
    """Probabilities `(batch, classes)`, of a single answer those of 0 and 1.

    Args:
        outputs: array `(batch, classes)` or `(batch, 1)`.
        logits: bool, whether they are logits.

    Example:

    >>> print(probabilities(np.array([[0.9]]), logits=False).round(2))
    [[0.1 0.9]]
    >>> print(probabilities(np.array([[0.0, 0.0]]), logits=True))
    [[0.5 0.5]]
    """
    outputs = outputs.astype("float64")
    if outputs.shape[1] == 1:
        other = np.zeros_like(outputs) if logits else 1 - outputs
        outputs = np.concatenate([other, outputs], axis=1)
    if logits:
        outputs = np.exp(outputs - outputs.max(1, keepdims=True))
        outputs /= outputs.sum(1, keepdims=True)
    return outputs
