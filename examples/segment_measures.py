"""How good masks of pixels are, and where gates look."""

import keras
import numpy as np
from segment_data import UNKNOWN

from keras_attention import metrics
from keras_attention import ops


def threshold(train, test):
    """`(what it is, predictions)` of the best level of grey."""
    images, labels = train
    grey, best = images.mean(-1), (-1, None, None)
    for level in np.linspace(0.05, 0.95, 19):
        for name, found in (("above", grey > level), ("below", grey < level)):
            dice = dice_of(labels, found).mean()
            best = max(best, (dice, name, level), key=lambda one: one[0])
    _, name, level = best
    grey = test[0].mean(-1)
    found = grey > level if name == "above" else grey < level
    return f"{name} {level:.2f}", found


def dice_of(labels, predictions):
    """Of the object in each image, `(batch,)`."""
    scores = metrics.dice_per_class(
        labels, predictions.astype(int), 2, ignore_class=UNKNOWN
    )
    return scores[:, 1]


def iou_of(labels, predictions):
    """As `dice_of`."""
    scores = metrics.iou_per_class(
        labels, predictions.astype(int), 2, ignore_class=UNKNOWN
    )
    return scores[:, 1]


def where(weights, labels):
    """How much of a gate's weights is on the object."""
    size = list(weights.shape[2:])
    objects = (labels == 1).astype("float64")
    if len(size) == 3:  # Slices of a volume below each other are an image.
        maps = np.moveaxis(weights, 1, -1)
        weights = ops.resize_map(maps, objects.shape[1:])
        weights = keras.ops.convert_to_numpy(weights)
        batch, _, _, width = objects.shape
        weights = weights.reshape(batch, 1, -1, width)
        objects = objects.reshape(batch, -1, width)
    energy = metrics.attention_energy(weights, objects)
    share = metrics.area_share(objects)
    there = np.isfinite(energy)
    return {
        "map": size,
        "energy": float(energy[there].mean()),
        "lift": float(energy[there].mean() / share[there].mean()),
        "mean_weight": float(weights.mean()),
    }


def gains(dice):
    """The Dice of gates minus that of others: mean and interval of images.

    `dice` has a list of arrays, one a seed, for every kind of network.
    """

    def mean(differences):
        return float(np.nanmean(differences))

    found = {}
    for other in ("plain", "open"):
        seeds = min(len(dice[kind]) for kind in ("gates", other))
        if seeds:
            ours, theirs = (
                np.mean(dice[kind][:seeds], axis=0) for kind in ("gates", other)
            )
            found[other] = {
                "mean": mean(ours - theirs),
                "interval": metrics.bootstrap_interval(mean, ours - theirs),
            }
    return found
