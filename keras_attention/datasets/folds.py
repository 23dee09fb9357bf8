"""Examples divided several times, to test on each of them once."""

import numpy as np

from keras_attention.datasets.disjoint import check_disjoint
from keras_attention.datasets.duplicates import warn_of_copies
from keras_attention.datasets.info import ROLES
from keras_attention.datasets.units import check_classes
from keras_attention.datasets.units import reject
from keras_attention.datasets.units import units_of
from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained


def folds(examples, k, *, group=None, stratify=True, seed=0):
    """Divides examples `k` times, so that each is in one validation part.

    Args:
        examples: `Examples`.
        k: int, at least 2.
        group: array `(count,)` of what must stay together; `None` takes
            `examples.groups`, if there. Defaults to `None`.
        stratify: bool, whether the classes are as frequent in each part.
            Multi-label examples cannot be stratified. Defaults to `True`.
        seed: int, not negative. No global seed changes the parts. Defaults to
            `0`.

    Returns:
        An iterator of `k` pairs `(train, validation)` of `Examples`, each
        made when it is asked for.

    Raises:
        ValueError: At once, on a bad argument, a missing group, fewer groups
            than `k`, or a class that is not in every part.

    Example:

    >>> from keras_attention.datasets.examples import Examples
    >>> examples = Examples(
    ...     np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 2, ("a", "b"),
    ...     tuple("123456"), groups=np.array(list("pqpqrs")),
    ... )
    >>> for train, validation in folds(examples, 2):
    ...     print(len(train), sorted(set(validation.groups.tolist())))
    3 ['q', 'r']
    3 ['p', 's']

    Cost:
        Stratified groups are placed one by one: a second for ten thousand.
        Of the images only one pair is copied at a time.

    See also:
        `split`.
    """
    if arguments.positive_int("k", k) < 2:
        raise ValueError(arguments.invalid("k", k, "at least 2 folds"))
    examples, units, stratify = units_of(examples, group, stratify, seed)
    count = int(units.max()) + 1
    if count < k:
        expected = f"at most {count}, the number of groups"
        raise ValueError(arguments.invalid("k", k, expected))
    for index in np.unique(examples.labels) if stratify else ():
        if len(np.unique(units[examples.labels == index])) < k:
            reject(examples, units, index, f"for k={k}")
    with explained("keras_attention.datasets"):
        from sklearn import model_selection

    grouped = count < len(examples)
    kind = f"{'Stratified' * stratify}{'Group' * grouped}KFold"
    splitter = getattr(model_selection, kind)
    splitter = splitter(k, shuffle=True, random_state=seed)
    labels = examples.labels if stratify else None
    groups = units if grouped else None
    pairs = list(splitter.split(np.zeros(len(examples)), labels, groups))
    for pair in pairs if stratify else ():
        parts = dict(zip(ROLES[:2], pair, strict=True))
        check_classes(examples, units, parts)

    def chosen(pair):
        parts = tuple(examples[indices] for indices in pair)
        check_disjoint(*parts)
        warn_of_copies(*parts)
        return parts

    return map(chosen, pairs)
