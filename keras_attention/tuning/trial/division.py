"""Training data divided into folds."""

import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.datasets import folds
from keras_attention.internals.requirements import explained
from keras_attention.tuning.trial.supervised import as_arrays


def divided(train, count, seed):
    """Yields `(training, validation)` of every fold, classes in proportion."""
    if isinstance(train, Examples):
        stratify = not (train.multi_label or train.regression)
        yield from folds(train, count, stratify=stratify, seed=seed)
        return
    if isinstance(train, dict) and {"image", "label"} <= set(train):
        columns, kind = list(train.values()), list(train)
        labels = train["label"]
    elif isinstance(train, (tuple, list)) and len(train) in (2, 3):
        columns, kind = list(train), None
        labels = train[1]
    else:
        raise keras_tuner.errors.FatalValueError(
            "folds=k divides arrays (x, y), a dictionary of arrays or "
            f"Examples. Received: {type(train).__name__}"
        )
    with explained("keras_attention.tuning"):
        from sklearn import model_selection

    columns = [as_arrays(column) for column in columns]
    images, classes = columns[0], _classes(labels)
    name = "KFold" if classes is None else "StratifiedKFold"
    splitter = getattr(model_selection, name)(
        count, shuffle=True, random_state=seed
    )
    try:
        pairs = list(splitter.split(np.zeros(len(images)), classes))
    except ValueError as error:
        raise keras_tuner.errors.FatalValueError(
            f"folds={count} cannot divide the training data: {error}"
        ) from error
    for pair in pairs:
        parts = [
            [as_arrays(column, lambda v, p=part: v[p]) for column in columns]
            for part in pair
        ]
        if kind is None:
            yield tuple(map(tuple, parts))
        else:
            yield tuple(dict(zip(kind, p, strict=True)) for p in parts)


def _classes(labels):
    """The class of each image, `None` where it has none or several."""
    if isinstance(labels, dict | tuple):
        return None
    labels = np.asarray(labels)
    classes = labels.reshape(len(labels), -1)
    is_classes = classes.shape[1] == 1 and labels.dtype.kind in "iub"
    return classes[:, 0] if is_classes else None
