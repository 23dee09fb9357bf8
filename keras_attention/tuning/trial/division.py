"""Training data divided into folds."""

import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.datasets import folds
from keras_attention.internals.requirements import explained


def divided(train, count, seed):
    """Yields `(training, validation)` of every fold, classes in proportion."""
    if isinstance(train, Examples):
        stratify = not train.multi_label
        yield from folds(train, count, stratify=stratify, seed=seed)
        return
    if isinstance(train, dict) and {"image", "label"} <= set(train):
        columns, kind = list(train.values()), list(train)
        labels = np.asarray(train["label"])
    elif isinstance(train, (tuple, list)) and len(train) in (2, 3):
        columns, kind = list(train), None
        labels = np.asarray(train[1])
    else:
        raise keras_tuner.errors.FatalValueError(
            "folds=k divides arrays (x, y), a dictionary of arrays or "
            f"Examples. Received: {type(train).__name__}"
        )
    with explained("keras_attention.tuning"):
        from sklearn import model_selection

    columns = [np.asarray(column) for column in columns]
    classes = labels.reshape(len(labels), -1)
    is_classes = classes.shape[1] == 1 and labels.dtype.kind in "iub"
    name = "StratifiedKFold" if is_classes else "KFold"
    splitter = getattr(model_selection, name)(
        count, shuffle=True, random_state=seed
    )
    target = classes[:, 0] if is_classes else None
    try:
        pairs = list(splitter.split(np.zeros(len(labels)), target))
    except ValueError as error:
        raise keras_tuner.errors.FatalValueError(
            f"folds={count} cannot divide the training data: {error}"
        ) from error
    for pair in pairs:
        parts = [[column[part] for column in columns] for part in pair]
        if kind is None:
            yield tuple(map(tuple, parts))
        else:
            yield tuple(dict(zip(kind, p, strict=True)) for p in parts)
