"""Maps side by side with maps that know nothing: which of them is true?"""

import dataclasses

import numpy as np

from keras_attention import metrics
from keras_attention.explanation.answer_curves import answer_curve
from keras_attention.explanation.answers import Answers
from keras_attention.explanation.blind_maps import blind_maps
from keras_attention.explanation.confidence import change_of
from keras_attention.explanation.measured import MeasuredTable
from keras_attention.explanation.measured import cell
from keras_attention.explanation.measured import measured
from keras_attention.explanation.removal import in_pixels
from keras_attention.explanation.remove_and_debias import road_of
from keras_attention.internals import arguments

#: What is measured of the model, and whether more or less is better.
_OF_MODEL = {
    "deletion": "less",
    "insertion": "more",
    "road": "more",
    "average_drop": "less",
    "increase": "more",
    "average_gain": "more",
}
#: What is measured of masks; more is better.
_OF_MASKS = {
    "pointing_game": metrics.pointing_game,
    "energy": metrics.attention_energy,
    "lift": metrics.attention_lift,
    "iou": lambda maps, masks: metrics.map_jaccard(maps, masks, "top_area"),
    "auroc": metrics.map_roc_auc,
}
#: What answers in float32 tell apart.
_RESOLVED = 1e-6
_BASELINES = ("(random)", "(centre)", "(edges)")


@dataclasses.dataclass(frozen=True, eq=False)
class FaithfulnessReport(MeasuredTable):
    """What `faithfulness_report` found: a row a map, a column when printed.

    Attributes:
        rows: list of dict: `map`, its name; `[mean, low, high]`, or `None`
            without an answer, of each measure; `excluded`, dict of measure to
            the number of images without an answer, where there are any; and
            `surely_better`, str, the measures in which the map is better than
            each of the three that know nothing, `None` for these.
        settings: dict, of the arguments.
        notes: list of str, what was left out, and how to read it.
    """

    def _table(self):
        header = ["measure", "better", *(row["map"] for row in self.rows)]
        measures = [
            name
            for name in self.rows[0]
            if name not in ("map", "excluded", "surely_better")
        ]
        return header, [
            [
                name.replace("_", " "),
                _OF_MODEL.get(name, "more"),
                *(cell(row[name]) for row in self.rows),
            ]
            for name in measures
        ]


def faithfulness_report(
    model,
    images,
    maps,
    target=None,
    masks=None,
    *,
    measures=None,
    steps=20,
    percentages=(10, 20, 30, 40, 50, 60, 70, 80, 90),
    groups=None,
    level=0.95,
    repeats=1000,
    batch_size=32,
    seed=0,
):
    """Tells which maps show what the answers of a model rest on.

    Every map is measured beside three that know nothing of the model: random
    values on a grid as coarse as the coarsest map, a bump in the centre
    (`metrics.centre_map`), and the edges of the image (Sobel's gradient). A map
    that is not better than these explains nothing, whatever its numbers. It is
    surely better where the interval of the difference, image by image, is on
    the better side of 0 for each of the three.

    Args:
        model: `keras.Model`; see `deletion`.
        images: array; see `deletion`.
        maps: dict of name to array of finite values, each as in
            `deletion`, such as `{"attention": ..., "Grad-CAM": ...}`.
        target: any, what is explained; see `deletion`. Defaults to `None`.
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, 1 on the object, or `None`. With masks the table has the
            pointing game, energy, lift, IoU (of as many positions as the object
            has) and AUROC of `metrics`, too; negative values of maps count as
            0 there. Defaults to `None`.
        measures: sequence of str or `None`, what is measured of the model:
            `"deletion"`, `"insertion"`, `"road"`, `"average_drop"`,
            `"increase"` and `"average_gain"`; `None` is all of them. Defaults
            to `None`.
        steps: int, of deletion and insertion. Defaults to `20`.
        percentages: sequence of float, see `road`. Defaults to
            `(10, 20, 30, 40, 50, 60, 70, 80, 90)`.
        groups: array `(batch,)` or `None`, see `bootstrap_interval`. Defaults
            to `None`.
        level: float, of the intervals. Defaults to `0.95`.
        repeats: int, draws of the intervals. Defaults to `1000`.
        batch_size: int, images at a time. Defaults to `32`.
        seed: int, of all that is drawn. Defaults to `0`.

    Returns:
        A `FaithfulnessReport`: print it, show it in a notebook, save it.

    Raises:
        ValueError: As for `deletion` and, with masks, `attention_energy`; for
            no maps or names of baselines; and for fewer than two images.

    Example: a network that sees the first quarter.

    >>> import keras
    >>> first = keras.layers.Cropping2D(((0, 4), (0, 4)))
    >>> model = keras.Sequential([first, keras.layers.GlobalAveragePooling2D()])
    >>> images = np.random.default_rng(0).uniform(0, 0.2, (4, 8, 8, 1))
    >>> images[:, :4, :4] += 0.8
    >>> right = np.array([[[1, 0], [0, 0]]] * 4)
    >>> maps = {"right": right}
    >>> found = faithfulness_report(
    ...     model, images, maps, measures=["road"], repeats=50
    ... )
    >>> print(found)
    measure  better                   right                (random) ...
    ---------...
    road       more  0.31... (0.3... to 0.3...)  ...
    right is surely better than all in brackets in: road
    4 images: ...

    Reference:
        Of each measure: `deletion`, `insertion`, `road`, `confidence_change`.

    Cost:
        For each map, baselines included, `2 steps + 2 len(percentages) + 3`
        predictions an image; of large images most of the time goes into
        `road`'s sparse systems.
    """
    if not isinstance(maps, dict) or not maps or {*maps} & {*_BASELINES}:
        raise ValueError(
            "Invalid value for argument maps: expected a dictionary of name to "
            f"maps, not empty and without {', '.join(_BASELINES)}. Received: "
            f"{[*maps] if isinstance(maps, dict) else type(maps)}"
        )
    measures = list(_OF_MODEL if measures is None else measures)
    for name in measures:
        arguments.one_of("measures", name, tuple(_OF_MODEL))
    answers = Answers(model, images, target, batch_size)
    everything = maps | blind_maps(answers.images, maps.values(), seed)
    draws = {"groups": groups, "level": level, "repeats": repeats, "seed": seed}
    found = {}
    for name, values in everything.items():
        pixels = in_pixels(values, answers.images)
        found[name] = _of_model(
            answers, pixels, measures, steps, percentages, seed
        )
        if masks is not None:
            values = np.maximum(np.asarray(values), 0)
            found[name] |= {
                key: f(values, masks) for key, f in _OF_MASKS.items()
            }

    def surely_better(name, key):
        sign = -1 if _OF_MODEL.get(key) == "less" else 1
        gaps = [sign * (found[name][key] - found[x][key]) for x in _BASELINES]
        intervals = [measured(gap, **draws) for gap in gaps]
        return all(gap is not None and gap[1] > _RESOLVED for gap in intervals)

    rows, notes, silent = [], [], {}
    for name, values in found.items():
        better = None
        if name in maps:
            keys = [key for key in values if surely_better(name, key)]
            better = ", ".join(keys)
            notes.append(
                f"{name} is surely better than all in brackets in: "
                f"{better.replace('_', ' ') or 'nothing'}"
            )
        missing = {key: int(np.isnan(x).sum()) for key, x in values.items()}
        excluded = {key: count for key, count in missing.items() if count}
        row = {key: measured(x, **draws) for key, x in values.items()}
        rows.append(
            {"map": name, **row, "excluded": excluded, "surely_better": better}
        )
        left_out = ", ".join(
            f"{key.replace('_', ' ')} {count}"
            for key, count in excluded.items()
        )
        silent.setdefault(left_out, []).append(name)
    notes += [
        f"Images left out, without an answer ({', '.join(names)}): {left_out}"
        for left_out, names in silent.items()
        if left_out
    ]
    notes.append(
        f"{len(answers.images)} images: {level:.0%} intervals of {repeats} "
        "draws; in brackets what maps reach that know nothing of the model"
    )
    settings = {"steps": steps, "percentages": [*percentages], **draws}
    settings["groups"] = groups is not None
    return FaithfulnessReport(rows, settings, notes)


def _of_model(answers, maps, measures, steps, percentages, seed):
    """`{measure: (batch,)}`, what was asked for."""
    found = {}
    if "deletion" in measures:
        found["deletion"] = answer_curve(answers, maps, "mean", steps, seed).auc
    if "insertion" in measures:
        curve = answer_curve(answers, maps, "blur", steps, seed, inserted=True)
        found["insertion"] = curve.auc
    if "road" in measures:
        road = road_of(answers, maps, percentages, 0.01, seed)
        found["road"] = road.combined
    names = ("average_drop", "increase", "average_gain")
    if {*names} & {*measures}:
        changes = change_of(answers, maps, "zero")
        found |= dict(zip(names, changes, strict=True))
    return {name: found[name] for name in measures}
