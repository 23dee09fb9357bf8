"""What a model answers with other attention than it has learned."""

import keras
import numpy as np

from keras_attention.explanation.answers import are_logits
from keras_attention.explanation.answers import probabilities
from keras_attention.explanation.whole_sets import batches
from keras_attention.inspection.extractor import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.inspection.whole_batches import WholeBatches


def removal_distances(model, images, batch_size=32):
    """How far the answers go where a layer's weights are uniform instead.

    Args:
        model: `keras.Model`, as `attention_is_used` takes it.
        images: array, or what else the model takes.
        batch_size: int, images at a time. Defaults to `32`.

    Returns:
        A dictionary of the layer's name to the mean over the images of the
        total variation between the probabilities before and after.

    Raises:
        ValueError: As `attention_is_used`.
    """
    others = OtherAttention(model, images, batch_size)
    even = {
        name: uniform(values, others.kinds[name])
        for name, values in others.weights.items()
    }
    return {
        name: float(total_variation(others.before, others([name], even)).mean())
        for name in others.kinds
    }


class OtherAttention:
    """What a model answers with other attention than it has learned.

    Args:
        model: `keras.Model`.
        images: array, or what else it takes.
        batch_size: int, images at a time.

    Attributes:
        weights: dict of the layer's name to the learned ones.
        kinds: dict of the same names to the kind of the weights.
        before: `(batch, classes)`, the probabilities with the learned ones.

    Raises:
        ValueError: For a model without attention, with attention that cannot be
            reached into, or with other answers than `(batch, classes)`.
    """

    def __init__(self, model, images, batch_size):
        extracted = WholeBatches(AttentionExtractor(model))
        self.images, self.batch_size = images, batch_size
        parts = [extracted(batch) for batch, _ in batches(images, batch_size)]
        outputs, self.weights = keras.tree.map_structure(
            lambda *arrays: np.concatenate(arrays), *parts
        )
        if not self.weights:
            raise ValueError(
                f"Model {model.name!r} has no attention layer that reports its "
                "weights"
            )
        if getattr(outputs, "ndim", None) != 2:
            raise ValueError(
                "What attention is used for is told of a model with one "
                "output, (batch, classes)"
            )
        self.kinds = weights_kinds(model, self.weights)
        self.answer = WholeBatches(_Replaceable(model, [*self.kinds]))
        self.logits = are_logits(outputs)
        self.before = probabilities(outputs, self.logits)

    def __call__(self, chosen, given):
        """The probabilities where the chosen layers have given weights.

        Args:
            chosen: list of str, names of layers.
            given: dict of every layer's name to weights.

        Returns:
            `(batch, classes)`.
        """
        names = [*self.kinds]
        switches = np.tile(np.isin(names, chosen), (len(self.before), 1))
        given = [given[name] for name in names]
        answered = [
            self.answer([batch, switches[part], [each[part] for each in given]])
            for batch, part in batches(self.images, self.batch_size)
        ]
        return probabilities(np.concatenate(answered), self.logits)


def total_variation(before, after):
    """`sum_c |p_c - q_c| / 2`, `(batch,)`."""
    return abs(after - before).sum(1) / 2


def flat(values, kind):
    """Weights with their positions or channels on one axis, the last."""
    front = values.shape[: -2 if kind == "spatial" else -1]
    return values.reshape(*front, -1)


def uniform(values, kind):
    """The mean over positions or channels, at each of them."""
    spread = flat(values, kind)
    mean = spread.mean(-1, keepdims=True)
    return np.broadcast_to(mean, spread.shape).reshape(values.shape)


class _Replaceable(keras.Model):
    """A model that goes on with the weights it is given, where told so.

    Called with images, switches `(batch, layers)` and a list of weights, so
    that it is compiled once for all that is put in their place.
    """

    def __init__(self, model, names):
        super().__init__(name="replaceable", dtype="float32")
        self.model = model
        self.names = names

    def call(self, inputs, training=None):
        """The outputs of the model."""
        images, switches, given = inputs

        def replace(name, weights):
            index = self.names.index(name)
            shape = (-1, *[1] * (len(weights.shape) - 1))
            switch = keras.ops.reshape(switches[:, index], shape)
            other = keras.ops.cast(given[index], weights.dtype)
            return keras.ops.where(switch, other, weights)

        outputs, _ = AttentionExtractor(self.model, replace)(
            images, training=training
        )
        return outputs
