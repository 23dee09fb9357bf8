"""Whether a trained model's attention falls on the objects, as one number."""

import itertools

import keras
import numpy as np

from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.metrics.localisation import attention_energy


def mean_attention_energy(model, data, batch_size=32, steps=None):
    """The share of the attention that falls on the object, from 0 to 1.

    `attention_energy`, averaged over the spatial attention layers and then
    over the images whose object is known; `None` without any of these. Data
    are batches that are dictionaries of `"image"`, `"mask"` and optionally
    `"has_mask"`, of which `steps` count, or one such dictionary of arrays.
    `keras_attention.compare` has a row a layer.
    """
    answer = WholeBatches(AttentionExtractor(model))
    energies = []
    for batch in itertools.islice(_batches(data, batch_size), steps):
        images = keras.tree.map_structure(np.asarray, batch["image"])
        masks = np.asarray(batch["mask"])
        _, weights = answer(images)
        spatial = [
            attention_energy(weights[layer], masks)
            for layer, kind in weights_kinds(model, weights).items()
            if kind == "spatial"
        ]
        if not spatial:
            return None
        # NaN where there is no object, in every layer.
        energy = np.mean(spatial, axis=0)
        if "has_mask" in batch:
            energy = energy[np.asarray(batch["has_mask"], bool)]
        energies.append(energy[~np.isnan(energy)])
    energies = np.concatenate(energies)
    return float(energies.mean()) if energies.size else None


def _batches(data, batch_size):
    if not isinstance(data, dict):
        yield from data
        return
    for start in range(0, len(data["mask"]), batch_size):
        part = slice(start, start + batch_size)
        yield keras.tree.map_structure(lambda values, p=part: values[p], data)
