"""Models side by side: accuracy, cost, and where they look."""

import collections
import os
import platform
import statistics
import time

import keras
import numpy as np

from keras_attention.evaluation.batches import labelled_batches
from keras_attention.evaluation.comparison_table import Comparison
from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.metrics.calibration import expected_calibration_error
from keras_attention.metrics.calibration import log_probabilities
from keras_attention.metrics.classification import average_precision
from keras_attention.metrics.classification import roc_auc
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.localisation import centre_energy

_TIMED_BATCHES = 5


def compare(models, test, *, training_seconds=None, batch_size=32):
    """Tests models on the same images and says where their attention falls.

    Every batch goes through every model once, for its answers and the
    weights of all its spatial attention layers. Of two classes, class 1 is
    the positive one; of more, areas under curves are means over the classes,
    each against the rest. Beside the attention stand the same numbers for a
    map fixed at the centre and for a uniform one. The first batch also serves
    as a stopwatch: each model answers it once to compile and five times more
    against the clock, without looking at its attention; the median counts.

    Args:
        models: dict of name to classification model, compiled or not: one
            input, one output `(batch, classes)` of logits or probabilities.
            Models with several labels an image are not compared here; their
            scores go to `roc_auc` and `average_precision`.
        test: `tf.data.Dataset`, `keras.utils.PyDataset`, any other iterable, or
            one dict of arrays: the test set, in batches that are dictionaries
            of `"image"`, integer `"label"` `(batch,)` and, if there are any,
            `"mask"` `(batch, rows, columns)` or `(batch, rows, columns, 1)`, 1
            on the object, and beside it `"has_mask"` `(batch,)`, false for
            images whose object is not known: they count among the answers only.
        training_seconds: dict of name to seconds of training, or `None`, for
            the table. Defaults to `None`.
        batch_size: int, for a dict of arrays. Defaults to `32`.

    Returns:
        A `Comparison`: print it, show it in a notebook, or save it.

    Raises:
        ValueError: For no models, for models whose outputs are no classes,
            for a test set without images or labels, for labels that are no
            classes of the model, for `"has_mask"` that is not one truth value
            an image, for training times of unknown models, for weights or
            answers that are NaN.

    Example:

    >>> inputs = keras.Input((8, 8, 1))
    >>> outputs = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
    >>> test = {"image": np.ones((4, 8, 8, 1)), "label": np.array([0, 1, 2, 0])}
    >>> table = compare({"linear": keras.Model(inputs, outputs)}, test)
    >>> print(table)
    model   parameters  images/s  accuracy    AUC     AP    ECE
    -----------------------------------------------------------
    linear         195       ...     ...%  0.500  ...  ...

    Cost:
        An evaluation and six more passes over the first batch. All outputs
        of a model are kept, `images * classes` numbers.
    """
    training_seconds = {
        name: float(seconds)
        for name, seconds in (training_seconds or {}).items()
    }
    _check_models(models, training_seconds)
    if iter(test) is test:
        test = list(test)  # a generator can be passed through only once
    tallies, shares, centres = [], [], []
    for name, model in models.items():
        tally = _Tally(name, model)
        for batch in labelled_batches(_known_masks(test), batch_size):
            tally.add(batch)
            if batch.masks is not None and not tallies:
                shares.append(area_share(batch.masks))
                centres.append(centre_energy(batch.masks))
        tallies.append(tally)
    shares, centres = (
        np.concatenate(parts) if parts else np.zeros(0)
        for parts in (shares, centres)
    )
    # An empty mask has no energy either: all means are over the same images.
    object_share = _mean_or_none(np.where(shares > 0, shares, np.nan))
    energy_of_centre = _mean_or_none(centres)
    rows = [
        {
            "model": tally.name,
            "parameters": models[tally.name].count_params(),
            "training_seconds": training_seconds.get(tally.name),
            **tally.results(),
            "centre_energy": energy_of_centre,
            "object_share": object_share,
        }
        for tally in tallies
    ]
    return Comparison(rows, _environment())


class _Tally:
    """Answers and attention of one model, batch by batch."""

    def __init__(self, name, model):
        self.name = name
        self.model = model
        self.answer = WholeBatches(AttentionExtractor(model))
        self.images_per_second = None
        self.labels, self.outputs = [], []
        self.energies = collections.defaultdict(list)

    def add(self, batch):
        if self.images_per_second is None:
            self.images_per_second = _images_per_second(
                self.model, batch.images
            )
        outputs, weights = self.answer(batch.images)
        self._check_outputs(outputs, batch.labels)
        self.labels.append(batch.labels)
        self.outputs.append(outputs)
        if batch.masks is None:
            return
        for layer, kind in weights_kinds(self.model, weights).items():
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
            **_answers(
                np.concatenate(self.labels), np.concatenate(self.outputs)
            ),
            "images_per_second": self.images_per_second,
            "attention": attention or None,
            "excluded": excluded or None,
        }

    def _check_outputs(self, outputs, labels):
        if len(getattr(self.model, "outputs", None) or [0]) > 1:
            raise ValueError(
                "Invalid value for argument models: expected one output "
                "(batch, classes), such as keras.Model(m.input, m.outputs[0]) "
                f"takes from a model m. Received: {len(self.model.outputs)} "
                f"outputs from model {self.name!r}"
            )
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
        nan = np.isnan(outputs).any(-1)
        if nan.any():
            raise ValueError(
                "Invalid value for argument models: expected answers that are "
                f"numbers. Received: NaN from model {self.name!r} for "
                f"{nan.sum()} images of {len(nan)} in a batch, the first at "
                f"{nan.argmax()}"
            )


def _answers(labels, outputs):
    """How right the answers are; `None` for what is undefined."""
    accuracy = float((np.argmax(outputs, -1) == labels).mean())
    row = {"images": len(labels), "accuracy": accuracy}
    if not np.isfinite(outputs).all():
        return {**row, "auc": None, "average_precision": None, "ece": None}
    log_p = log_probabilities(outputs)
    # Ranks are the same under the logarithm, which keeps the largest apart.
    scores = log_p[:, 1] - log_p[:, 0] if log_p.shape[1] == 2 else log_p
    auc, precision = roc_auc(labels, scores), average_precision(labels, scores)
    p = np.exp(log_p)
    p /= p.sum(-1, keepdims=True)
    return {
        **row,
        "auc": None if np.isnan(auc) else auc,
        "average_precision": None if np.isnan(precision) else precision,
        "ece": expected_calibration_error(labels, p),
    }


def _known_masks(test):
    """The test set with empty masks where `"has_mask"` is false.

    An empty mask and an unknown one are left out of the same numbers.
    """
    return _known(test) if isinstance(test, dict) else map(_known, test)


def _known(batch):
    if not isinstance(batch, dict) or "has_mask" not in batch:
        return batch
    masks = np.asarray(batch["mask"]) if "mask" in batch else None
    known = np.asarray(batch["has_mask"])
    if known.dtype != bool or masks is None or known.shape != masks.shape[:1]:
        of_masks = "none" if masks is None else masks.shape
        raise ValueError(
            'Invalid value for argument test: expected "has_mask" of one '
            'truth value for each "mask". Received: "has_mask" of '
            f"{known.dtype} {known.shape}, masks: {of_masks}"
        )
    known = known.reshape(-1, *[1] * (masks.ndim - 1))
    return {**batch, "mask": np.where(known, masks, np.zeros_like(masks))}


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
        for weight in model.weights:
            # Float64 has every number of every type, bfloat16's too.
            value = keras.ops.convert_to_numpy(weight.value)
            if np.isnan(value.astype("float64")).any():
                raise ValueError(
                    "Invalid value for argument models: expected weights that "
                    f"are numbers. Received: NaN in {weight.path} of model "
                    f"{name!r}, whose training has failed"
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
