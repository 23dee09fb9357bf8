"""Rare classes: how often they are drawn, how much they weigh in a loss."""

import numpy as np

from keras_attention.datasets.elements import epoch_order
from keras_attention.internals import arguments


def balanced_order(labels, seed, epoch, classes=None):
    """The examples of one epoch, every class equally often.

    As many examples are drawn as there are. Each class is a deck of cards
    that is shuffled anew when all were dealt, and the decks take turns over
    the whole training: in an epoch two classes differ by one draw at most,
    and between two examples of a class nobody sees one twice more often than
    the other. Like `epoch_order`, a function of its arguments alone.

    Args:
        labels: int array `(count,)`, from 0.
        seed: int, not negative.
        epoch: int, not negative.
        classes: int, number of classes; the largest label plus 1 if `None`.
            Defaults to `None`.

    Returns:
        An int64 array `(count,)` of indices into `labels`.

    Raises:
        ValueError: If the labels are multi-label or out of range, or a class
            has no example.

    Example:

    >>> labels = np.array([0, 0, 0, 0, 0, 1])
    >>> np.bincount(labels[balanced_order(labels, seed=0, epoch=0)]).tolist()
    [3, 3]

    Cost:
        One random number a draw and a deck's length more: milliseconds for
        a hundred thousand examples.

    See also:
        `class_weights`, which leaves the examples alone.
    """
    arguments.non_negative_int("seed", seed)
    arguments.non_negative_int("epoch", epoch)
    labels, counts = _count(labels, classes)
    total, decks = len(labels), len(counts)
    dealt = epoch * total
    drawn = []
    for label, count in enumerate(counts.tolist()):
        # Draw number i of the whole training is from deck i % decks.
        start = -(-(dealt - label) // decks)
        stop = -(-(dealt + total - label) // decks)
        first = start // count
        deals = -(-stop // count) - first
        bits = np.random.PCG64([seed, label, 1])
        bits.advance(first * count)  # one number a card of earlier deals
        keys = np.random.Generator(bits).random((deals, count))
        members = np.flatnonzero(labels == label)
        cards = members[keys.argsort(axis=1)].ravel()
        drawn.append(cards[start - first * count : stop - first * count])
    return np.concatenate(drawn)[epoch_order(total, seed, epoch)]


def class_weights(labels, classes=None):
    """Weights under which every class counts equally in a loss.

    `weight_c = count / (classes * count_c)`, so that their mean over the
    examples is 1.

    Args:
        labels: int array `(count,)`, from 0.
        classes: int, number of classes; the largest label plus 1 if `None`.
            Defaults to `None`.

    Returns:
        A dict from class to float, all classes in order: what
        `model.fit(class_weight=)` takes. `list(weights.values())` is for
        losses.

    Raises:
        ValueError: If the labels are multi-label or out of range, or a class
            has no example: it would weigh infinitely.

    Example:

    >>> class_weights(np.array([0, 0, 0, 1]))
    {0: 0.6666666666666666, 1: 2.0}

    Reference:
        King, Zeng: Logistic Regression in Rare Events Data. Political
        Analysis 2001. scikit-learn's `class_weight="balanced"` is the same.
    """
    labels, counts = _count(labels, classes)
    weights = len(labels) / (len(counts) * counts)
    return dict(enumerate(weights.tolist()))


def _count(labels, classes):
    arguments.positive_int("classes", classes, optional=True)
    if hasattr(labels, "labels"):
        raise ValueError(
            arguments.invalid("labels", labels, "an array, such as its .labels")
        )
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        _refuse(
            "integers (count,), one class an example; multi-label sets cannot "
            "be balanced by class",
            f"{labels.dtype} of shape {labels.shape}",
        )
    if not len(labels):
        raise ValueError(arguments.invalid("labels", [], "at least one label"))
    limit = labels.max() + 1 if classes is None else classes
    rows = np.flatnonzero((labels < 0) | (labels >= limit))[:5]
    if len(rows):
        found = f"{labels[rows].tolist()} in rows {rows.tolist()}"
        _refuse(f"0 to {limit - 1}", found)
    counts = np.bincount(labels, minlength=limit)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        found = f"none of {empty.tolist()}"
        _refuse(f"an example of each of {limit} classes", found)
    return labels, counts


def _refuse(expected, found):
    raise ValueError(
        f"Invalid value for argument labels: expected {expected}. Received: "
        f"{found}"
    )
