"""Whether a model uses its attention, or would do as well with any other."""

import numpy as np

from keras_attention.explanation.measured import MeasuredTable
from keras_attention.explanation.measured import measured
from keras_attention.explanation.other_attention import OtherAttention
from keras_attention.explanation.other_attention import flat
from keras_attention.explanation.other_attention import total_variation
from keras_attention.explanation.other_attention import uniform
from keras_attention.explanation.whole_sets import checked_images
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

    >>> import keras
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


def _is_unchanged(row, negligible):
    _, worst, best = row["accuracy_change"]
    return row["distance"][2] <= negligible and worst <= 0 <= best


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
        spread = flat(values, kinds[name])
        others = {
            "uniform": uniform(values, kinds[name]),
            "permuted": random.permuted(spread, axis=-1),
            "another": spread[partner],
            "mean": np.broadcast_to(
                spread.mean(0, keepdims=True), spread.shape
            ),
        }
        for what, other in others.items():
            found[what][name] = other.reshape(values.shape)
    return found


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
