"""Whether a model uses its attention, or would do as well with any other."""

import keras
import numpy as np

from keras_attention.explanation.answers import are_logits
from keras_attention.explanation.answers import probabilities
from keras_attention.explanation.measured import MeasuredTable
from keras_attention.explanation.measured import measured
from keras_attention.explanation.whole_sets import batches
from keras_attention.explanation.whole_sets import checked_images
from keras_attention.inspection.extractor import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals import arguments

_UNUSED = "not used"
_CONSTANT = "a constant, not attention"


def attention_is_used(
    model,
    images,
    labels,
    *,
    negligible=0.02,
    groups=None,
    level=0.95,
    repeats=1000,
    batch_size=32,
    seed=0,
):
    """What a model answers with other attention than it has learned.

    The weights of each attention layer alone, and of all together, are
    replaced, and the model goes on with

    - `uniform` ones: their mean over the positions (or channels) of each image
      and head,
    - `permuted` ones: the same values at other positions, of each image and
      head anew,
    - `another` image's, never its own,
    - the `mean` over all images: one map, or one gate a channel, for all.

    Attention whose mean over the images changes nothing does not attend to the
    image: what it has learned is a constant, as gates of channels often are.
    Attention of which no replacement changes anything is not used.

    Args:
        model: `keras.Model` with attention layers of this package, or others
            that call `record_attention`, and answers `(batch, classes)`.
        images: array, or what else the model takes; at least two.
        labels: array `(batch,)`, int.
        negligible: float, total variation distance, at the upper end of its
            interval, up to which nothing has changed, if the interval of the
            accuracy's change holds 0, too. Defaults to `0.02`.
        groups: array `(batch,)` or `None`, see `bootstrap_interval`. Defaults
            to `None`.
        level: float, of the intervals. Defaults to `0.95`.
        repeats: int, draws of the intervals. Defaults to `1000`.
        batch_size: int, images at a time. Defaults to `32`.
        seed: int, of the permutations, of which other image it is, and of the
            intervals. Defaults to `0`.

    Returns:
        A `MeasuredTable`, a row for each layer and replacement: `layer`,
        `kind` (`"spatial"`, `"channel"`, `"pairwise"`), `replaced_by`,
        `accuracy`; `[mean, low, high]` of `accuracy_change` and of `distance`,
        the total variation `sum_c |p_c - q_c| / 2` between the probabilities
        before and after; and `reading`, what the row says of the layer.

    Raises:
        ValueError: For a model without attention or with one of Keras' own
            layers, which cannot be reached into; for labels that are no
            classes; and for fewer than two images.

    Example: a gate that is shut in every image alike.

    >>> from keras_attention.layers import SqueezeAndExcite2D
    >>> inputs = keras.Input((4, 4, 8))
    >>> gate = SqueezeAndExcite2D(name="se")
    >>> pooled = keras.layers.GlobalAveragePooling2D()(gate(inputs))
    >>> model = keras.Model(inputs, keras.layers.Softmax()(pooled))
    >>> zeros = [np.zeros(weight.shape) for weight in gate.weights]
    >>> gate.set_weights([*zeros[:-1], np.linspace(-9, 9, 8)])
    >>> images = np.random.default_rng(0).random((6, 4, 4, 8), "float32")
    >>> found = attention_is_used(model, images, [7] * 6, repeats=50)
    >>> {row["replaced_by"]: row["reading"] for row in found.rows}
    {'uniform': '', 'permuted': '', 'another': '',
    'mean': 'a constant, not attention'}

    Reference:
        Jain, Wallace: Attention is not Explanation. NAACL 2019. Wiegreffe,
        Pinter: Attention is not not Explanation. EMNLP 2019.

    Differs from the paper:
        Theirs is text, and their replacements are searched for or trained;
        these are drawn, so they show what a layer is used for and not that no
        other weights would do.

    Cost:
        Two models are compiled; `4 (layers + 1)` predictions an image, and
        one. The weights of all images are in memory.
    """
    arguments.non_negative_float("negligible", negligible)
    count = checked_images(images)
    others = OtherAttention(model, images, batch_size)
    before, kinds = others.before, others.kinds
    labels = _checked_labels(labels, before, count)
    draws = {"groups": groups, "level": level, "repeats": repeats, "seed": seed}
    names = [*kinds]
    replacements = _replacements(others.weights, kinds, seed)
    right = before.argmax(1) == labels

    def effect(chosen, given):
        """What changes when the chosen layers go on with given weights."""
        after = others(chosen, given)
        right_after = after.argmax(1) == labels
        distance = total_variation(before, after)
        return {
            "accuracy": float(right_after.mean()),
            "accuracy_change": measured(1.0 * right_after - right, **draws),
            "distance": measured(distance, **draws),
        }

    rows = []
    for chosen in [[name] for name in names] + [names] * (len(names) > 1):
        layer = {
            "layer": chosen[0] if len(chosen) == 1 else "(all of them)",
            "kind": "/".join(sorted({kinds[name] for name in chosen})),
        }
        found = [
            {**layer, "replaced_by": what, **effect(chosen, given)}
            for what, given in replacements.items()
        ]
        unchanged = [_is_unchanged(row, negligible) for row in found]
        reading = ""
        if unchanged[-1]:  # by the mean
            reading = _UNUSED if all(unchanged) else _CONSTANT
        rows += [{**row, "reading": ""} for row in found]
        rows[-1]["reading"] = reading
    notes = [
        f"{count} images: accuracy {right.mean():.3f} with the learned "
        f"attention; {level:.0%} intervals of {repeats} draws; nothing has "
        f"changed up to a distance of {negligible:g}"
    ]
    settings = {"negligible": negligible, **draws, "groups": groups is not None}
    return MeasuredTable(rows, settings, notes)


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
    uniform = {
        name: _uniform(values, others.kinds[name])
        for name, values in others.weights.items()
    }
    return {
        name: float(
            total_variation(others.before, others([name], uniform)).mean()
        )
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


def _is_unchanged(row, negligible):
    _, worst, best = row["accuracy_change"]
    return row["distance"][2] <= negligible and worst <= 0 <= best


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


def _replacements(weights, kinds, seed):
    """`{what: {layer: weights}}`, all of the shape of the learned ones."""
    random = np.random.default_rng(seed)
    count = len(next(iter(weights.values())))
    # Everybody in a ring takes the weights of the one before.
    ring = random.permutation(count)
    partner = np.empty(count, int)
    partner[ring] = np.roll(ring, 1)
    found = {"uniform": {}, "permuted": {}, "another": {}, "mean": {}}
    for name, values in weights.items():
        flat = _flat(values, kinds[name])
        others = {
            "uniform": _uniform(values, kinds[name]),
            "permuted": random.permuted(flat, axis=-1),
            "another": flat[partner],
            "mean": np.broadcast_to(flat.mean(0, keepdims=True), flat.shape),
        }
        for what, other in others.items():
            found[what][name] = other.reshape(values.shape)
    return found


def _flat(values, kind):
    """Weights with their positions or channels on one axis, the last."""
    front = values.shape[: -2 if kind == "spatial" else -1]
    return values.reshape(*front, -1)


def _uniform(values, kind):
    """The mean over positions or channels, at each of them."""
    flat = _flat(values, kind)
    mean = flat.mean(-1, keepdims=True)
    return np.broadcast_to(mean, flat.shape).reshape(values.shape)


def _checked_labels(labels, before, count):
    """As integers `(batch,)`, classes of the probabilities."""
    labels = np.asarray(labels)
    classes = before.shape[1]
    if labels.shape != (count,) or not np.isin(labels, range(classes)).all():
        raise ValueError(
            f"Invalid value for argument labels: expected ({count},) integers "
            f"from 0 to {classes - 1}. Received: shape {labels.shape}, values "
            f"{np.unique(labels)[:5]}"
        )
    return labels
