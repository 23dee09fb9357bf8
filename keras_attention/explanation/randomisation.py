"""Whether a map depends on what a network has learned."""

import dataclasses

import keras
import numpy as np

from keras_attention.explanation.answers import Answers
from keras_attention.explanation.measured import MeasuredTable
from keras_attention.explanation.measured import measured
from keras_attention.internals import arguments
from keras_attention.internals.recording import sublayers
from keras_attention.internals.requirements import explained


@dataclasses.dataclass(frozen=True, eq=False)
class RandomisationCheck(MeasuredTable):
    """What `randomisation_check` found: a row a step, from the top down.

    Attributes:
        rows: list of dict: `layer`, down to which weights are random;
            `randomised`, how many layers have random weights;
            `correlation`, `[mean, low, high]` with the maps of the model as
            it is, or `None` where there is none.
        settings: dict, of the arguments.
        notes: list of str, the verdict in words.
    """

    @property
    def passed(self):
        """Whether the maps of an entirely random network are other maps."""
        found = self.rows[-1]["correlation"]
        return found is not None and found[2] < self.settings["threshold"]


def randomisation_check(
    model,
    images,
    method,
    target=None,
    *,
    steps=10,
    threshold=0.5,
    groups=None,
    level=0.95,
    repeats=1000,
    batch_size=32,
    seed=0,
):
    """Adebayo's check: maps of the model while it forgets, from the top down.

    Layer after layer, the last one first and those before still random, the
    values of each weight are shuffled, and the maps compared with those of the
    model as it is by Spearman's rank correlation over the positions of each
    map. A method whose maps stay the same shows the image, not the network.
    Then all weights are what they were, bit by bit, whatever happens.

    Args:
        model: `keras.Model` of any kind.
        images: array; see `deletion`.
        method: callable, `(model, images, target) -> maps`, such as
            `grad_cam`; maps are arrays, the batch first.
        target: any, what is explained; see `deletion`. The class predicted
            before. Defaults to `None`.
        steps: int, into which the layers are grouped, evenly; fewer where
            there are fewer layers with weights. Defaults to `10`.
        threshold: float, below which maps of an entirely random network are
            called other maps; the paper looks at curves and has none. Defaults
            to `0.5`.
        groups: array `(batch,)` or `None`, see `bootstrap_interval`. Defaults
            to `None`.
        level: float, of the intervals. Defaults to `0.95`.
        repeats: int, draws of the intervals. Defaults to `1000`.
        batch_size: int, images at a time where classes are predicted. Defaults
            to `32`.
        seed: int, of shuffling and of the intervals. Defaults to `0`.

    Returns:
        A `RandomisationCheck`, whose `passed` is true or false.

    Raises:
        ValueError: As `deletion`, for a model without weights, and for a single
            image, which has no interval.

    Example: a method that looks at the image alone.

    >>> inputs = keras.Input((4, 4, 1))
    >>> pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(2, name="d")(pooled))
    >>> brightness = lambda model, images, target: images[..., 0]
    >>> images = np.random.default_rng(0).random((3, 4, 4, 1))
    >>> check = randomisation_check(model, images, brightness, repeats=50)
    >>> check.passed
    False
    >>> print(check)
    layer  randomised             correlation
    -----------------------------------------
    d               1  1.000 (1.000 to 1.000)
    Failed: ...

    Reference:
        Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim: Sanity Checks for
        Saliency Maps. NeurIPS 2018, cascading randomization.

    Differs from the paper:
        It draws weights anew; shuffled ones keep their scale, so that no layer
        falls silent or becomes deafening. A bias of zeros stays one.

    Cost:
        The method, `steps` times and once.
    """
    arguments.positive_int("steps", steps)
    answers = Answers(model, images, target, batch_size)
    given = answers.as_given(answers.images)
    stages = _stages(model, steps)
    random = np.random.default_rng(seed)
    draws = {"groups": groups, "level": level, "repeats": repeats, "seed": seed}
    kept = [(weight, _value(weight)) for _, own in stages for weight in own]

    def maps_of():
        maps = method(model, given, answers.target)
        return np.asarray(maps).reshape(len(given), -1)

    rows, count = [], 0
    try:
        maps = maps_of()
        for names, own in stages:
            for weight in own:
                shuffled = random.permutation(_value(weight).ravel())
                weight.assign(shuffled.reshape(weight.shape))
            count += len(names)
            found = _rank_correlation(maps, maps_of())
            correlation = measured(found, **draws)
            rows.append(
                {
                    "layer": names[-1],
                    "randomised": count,
                    "correlation": correlation,
                }
            )
    finally:
        for weight, value in kept:
            weight.assign(value)
    settings = {"steps": len(stages), "threshold": threshold, **draws}
    settings["groups"] = groups is not None
    check = RandomisationCheck(rows, settings, [])
    if rows[-1]["correlation"] is None:
        note = "Failed: maps that are the same everywhere have no order"
    elif check.passed:
        note = "Passed: the maps are others without what was learned"
    else:
        note = "Failed: the maps are much the same without what was learned"
    check.notes.append(note)
    return check


def _stages(model, steps):
    """`(names, weights)` of the layers that have some, the last first."""
    layers, seen = [], set()
    # Behind a layer stand those inside of it, whose weights are theirs.
    for name, layer in reversed([(model.name, model), *sublayers(model)]):
        own = [
            weight
            for weight in layer.weights
            if id(weight) not in seen and "float" in str(weight.dtype)
        ]
        seen.update(map(id, own))
        if own:
            layers.append((name, own))
    if not layers:
        raise ValueError(
            f"Model {model.name!r} has no weights that could be shuffled"
        )
    parts = np.array_split(np.arange(len(layers)), min(steps, len(layers)))
    return [
        (
            [layers[i][0] for i in part],
            [weight for i in part for weight in layers[i][1]],
        )
        for part in parts
    ]


def _value(weight):
    return np.array(keras.ops.convert_to_numpy(weight.value))


def _rank_correlation(maps, others):
    """Spearman's, image by image; NaN for a map that is constant."""
    with explained("keras_attention.explanation"):
        from scipy import stats

    places = [stats.rankdata(x, axis=1) for x in (maps, others)]
    one, other = (x - x.mean(1, keepdims=True) for x in places)
    lengths = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    products = (one * other).sum(1)
    return products / np.where(lengths > 0, lengths, np.nan)
