"""Models side by side: accuracy, cost, and where they look."""

import collections
import os
import platform
import statistics
import time

import keras
import numpy as np

from keras_attention.capture import AttentionExtractor
from keras_attention.metrics.attention_kind import attention_kinds
from keras_attention.metrics.batches import labelled_batches
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.report import Comparison

_TIMED_BATCHES = 5


def compare(models, test, *, training_seconds=None, batch_size=32):
    """Tests models on the same images and says where their attention falls.

    Every batch goes through every model once, for its answers and the
    weights of all its spatial attention layers. The first batch also serves
    as a stopwatch: each model answers it once to compile and five times more
    against the clock, without looking at its attention; the median counts.

    Args:
        models: Dictionary of name to classification model, compiled or not:
            one input, one output `(batch, classes)` of logits or
            probabilities.
        test: The test set, in batches that are dictionaries of `"image"`,
            integer `"label"` `(batch,)` and, if there are any, `"mask"`
            `(batch, rows, columns)` or `(batch, rows, columns, 1)`, 1 on the
            object. A `tf.data.Dataset`, a `keras.utils.PyDataset`, any other
            iterable, or one dictionary of arrays.
        training_seconds: Optional dictionary of name to seconds of training,
            for the table.
        batch_size: For a dictionary of arrays.

    Returns:
        A `Comparison`: print it, show it in a notebook, or save it.

    Raises:
        ValueError: For no models, for models whose outputs are no classes,
            for a test set without images or labels, for labels that are no
            classes of the model, for training times of unknown models.

    Example:

    >>> inputs = keras.Input((8, 8, 1))
    >>> outputs = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
    >>> test = {"image": np.ones((4, 8, 8, 1)), "label": np.array([0, 1, 2, 0])}
    >>> table = compare({"linear": keras.Model(inputs, outputs)}, test)
    >>> print(table)
    model   parameters  images/s  accuracy
    --------------------------------------
    linear         195       ...     ...%
    """
    training_seconds = {
        name: float(seconds)
        for name, seconds in (training_seconds or {}).items()
    }
    _check_models(models, training_seconds)
    if iter(test) is test:
        test = list(test)  # a generator can be passed through only once
    tallies, shares = [], []
    for name, model in models.items():
        tally = _Tally(name, model)
        for batch in labelled_batches(test, batch_size):
            tally.add(batch)
            if batch.masks is not None and not tallies:
                shares.append(area_share(batch.masks))
        tallies.append(tally)
    shares = np.concatenate(shares) if shares else np.zeros(0)
    # An empty mask has no energy either: both means are over the same images.
    object_share = _mean_or_none(np.where(shares > 0, shares, np.nan))
    rows = [
        {
            "model": tally.name,
            "parameters": models[tally.name].count_params(),
            "training_seconds": training_seconds.get(tally.name),
            **tally.results(),
            "object_share": object_share,
        }
        for tally in tallies
    ]
    return Comparison(rows, _environment())


class _Tally:
    """Counts for one model, batch by batch."""

    def __init__(self, name, model):
        self.name = name
        self.extractor = AttentionExtractor(model)
        self.images_per_second = None
        self.images = self.correct = 0
        self.energies = collections.defaultdict(list)

    def add(self, batch):
        model = self.extractor.model
        if self.images_per_second is None:
            self.images_per_second = _images_per_second(model, batch.images)
        outputs, weights = self.extractor.predict_on_batch(batch.images)
        self._check_outputs(outputs, batch.labels)
        self.images += len(batch.labels)
        self.correct += int((np.argmax(outputs, -1) == batch.labels).sum())
        if batch.masks is None:
            return
        for layer, kind in attention_kinds(model, weights).items():
            if kind == "spatial":
                energy = attention_energy(weights[layer], batch.masks)
                self.energies[layer].append(energy)

    def results(self):
        energies = {
            layer: np.concatenate(parts)
            for layer, parts in self.energies.items()
        }
        attention = {name: _mean_or_none(e) for name, e in energies.items()}
        excluded = {
            name: int(np.isnan(e).sum()) for name, e in energies.items()
        }
        return {
            "images": self.images,
            "accuracy": self.correct / self.images,
            "images_per_second": self.images_per_second,
            "attention": attention or None,
            "excluded": excluded or None,
        }

    def _check_outputs(self, outputs, labels):
        shape = getattr(outputs, "shape", None)
        if shape is None or len(shape) != 2 or shape[1] < 2:
            received = type(outputs).__name__ if shape is None else shape
            raise ValueError(
                "Invalid value for argument models: expected one output "
                "(batch, classes) with at least two classes. Received: "
                f"{received} from model {self.name!r}"
            )
        if labels.min() < 0 or labels.max() >= shape[1]:
            raise ValueError(
                "Invalid value for argument test: expected labels from 0 to "
                f"{shape[1] - 1}, the classes of model {self.name!r}. "
                f"Received: labels from {labels.min()} to {labels.max()}"
            )


def _images_per_second(model, images):
    model.predict_on_batch(images)  # compiles
    seconds = []
    for _ in range(_TIMED_BATCHES):
        start = time.perf_counter()
        model.predict_on_batch(images)
        seconds.append(time.perf_counter() - start)
    return len(images) / statistics.median(seconds)


def _check_models(models, training_seconds):
    if not isinstance(models, dict) or not models:
        raise ValueError(
            "Invalid value for argument models: expected a dictionary of name "
            f"to keras.Model, not empty. Received: models={models!r}"
        )
    for name, model in models.items():
        if not isinstance(model, keras.Model):
            raise ValueError(
                "Invalid value for argument models: expected a keras.Model "
                f"under every name. Received: {name!r}: {model!r}"
            )
    unknown = sorted(set(training_seconds) - set(models))
    if unknown:
        raise ValueError(
            "Invalid value for argument training_seconds: expected names from "
            f"models, {sorted(models)}. Received: {unknown}"
        )


def _environment():
    return {
        "keras": keras.version(),
        "backend": keras.config.backend(),
        "device": str(keras.ops.zeros(()).device),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "cores": os.cpu_count(),
    }


def _mean_or_none(values):
    """The mean of what is not NaN; JSON has no NaN."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else None
