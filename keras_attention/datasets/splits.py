"""Examples in parts that share no group, with every class in each.

Once, or several times, to test on each of them.
"""

import numbers

import numpy as np

from keras_attention.datasets.duplicates import check_disjoint
from keras_attention.datasets.duplicates import warn_of_copies
from keras_attention.datasets.info import ROLES
from keras_attention.datasets.info import splits_of
from keras_attention.datasets.units import check_classes
from keras_attention.datasets.units import reject
from keras_attention.datasets.units import units_of
from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained

# Of so many random divisions of groups the one nearest to the shares counts.
_CANDIDATES = 50


def split(
    examples, shares=(0.7, 0.15, 0.15), *, group=None, stratify=True, seed=0
):
    """Divides examples into `train, validation, test`, or other parts.

    Groups stay together, such as the images of one patient: a model tested on
    patients it was trained on is tested on what it memorised. Without groups
    each example is its own. The shares are of groups; of 50 random divisions
    the one whose parts come nearest to the shares of the examples, class by
    class with `stratify`, is taken.

    Args:
        examples: `Examples`.
        shares: tuple of positive numbers whose sum is 1, one for each part.
            Defaults to `(0.7, 0.15, 0.15)`.
        group: array `(count,)` of what must stay together; `None` takes
            `examples.groups`, if there. Defaults to `None`.
        stratify: bool, whether each class is divided by the shares; a group of
            several classes counts as the rarest of them. Multi-label examples
            cannot be stratified; a regression has no classes to divide.
            Defaults to `True`.
        seed: int, not negative. No global seed changes the parts. Defaults to
            `0`.

    Returns:
        A `Splits` of `Examples`, with a `DataInfo` as attribute `info`; for
        two parts or more than three a tuple of `Examples`.

    Raises:
        ValueError: On a bad argument, a missing group, too few groups, or a
            class too rare to be in every part.

    Example:

    >>> from keras_attention.datasets.examples import Examples
    >>> examples = Examples(
    ...     np.zeros((20, 8, 8, 3), "uint8"), np.arange(20) % 2,
    ...     ("cat", "dog"), tuple(map(str, range(20))),
    ... )
    >>> train, validation, test = split(examples, (0.6, 0.2, 0.2))
    >>> len(train), len(validation), len(test), test.labels.sum()
    (12, 4, 4, np.int64(2))

    Cost:
        Two calls of scikit-learn, whose import takes a second.

    See also:
        `folds`, to test on every example once; `check_disjoint`, for parts
        that others made.
    """
    shares = _check_shares(shares)
    examples, units, stratify = units_of(examples, group, stratify, seed)
    count = int(units.max()) + 1
    sizes = [max(1, round(share * count)) for share in shares[1:]]
    if sum(sizes) >= count:
        raise ValueError(
            "Invalid value for argument shares: expected at least one group "
            f"in every part. Received: shares={shares} of {count} groups"
        )
    labels = examples.labels if stratify else np.zeros(len(examples), int)
    strata = _strata(labels, units)
    kept, drawn = np.arange(count), []
    for share, size in zip(shares[1:], sizes, strict=True):
        part = _draw(labels, units, strata, kept, share, size, seed)
        kept = np.setdiff1d(kept, part)
        drawn.append(part)
    parts = [np.flatnonzero(np.isin(units, p)) for p in (kept, *drawn)]
    three = len(parts) == len(ROLES)
    if stratify:
        roles = ROLES if three else [f"part {i}" for i in range(len(parts))]
        check_classes(examples, units, dict(zip(roles, parts, strict=True)))
    parts = tuple(examples[part] for part in parts)
    check_disjoint(*parts)
    warn_of_copies(*parts)
    if not three:
        return parts
    kind = "examples" if examples.groups is None else "groups"
    sources = [f"{share} of {count} {kind}" for share in shares]
    return splits_of("examples", parts, sources)


def _strata(labels, units):
    """The class `(groups,)` each group stands for, its rarest."""
    order = np.lexsort((labels, np.bincount(labels)[labels]))
    _, first = np.unique(units[order], return_index=True)
    return labels[order][first]


def _draw(labels, units, strata, kept, share, size, seed):
    """Draws `size` of the groups `kept`, near to `share` of every class."""
    with explained("keras_attention.datasets"):
        from sklearn.model_selection import StratifiedShuffleSplit

    strata = strata[kept]
    counts = np.bincount(strata)
    if np.count_nonzero(counts) > min(size, len(kept) - size):
        strata = np.zeros_like(strata)
    else:
        # scikit-learn divides no class of one.
        strata = np.where(counts[strata] < 2, counts.argmax(), strata)
    alone = len(units) == units.max() + 1
    splitter = StratifiedShuffleSplit(
        1 if alone else _CANDIDATES,
        test_size=size,
        train_size=len(kept) - size,
        random_state=seed,
    )
    totals = np.bincount(labels)
    present = totals > 0

    def deviation(part):
        chosen = labels[np.isin(units, part)]
        found = np.bincount(chosen, minlength=len(totals))
        errors = np.abs(found - share * totals)[present] / totals[present]
        return errors.max()

    draws = splitter.split(np.zeros(len(kept)), strata)
    return min((kept[part] for _, part in draws), key=deviation)


def _check_shares(shares):
    shares = tuple(shares)
    positive = all(isinstance(x, numbers.Real) and x > 0 for x in shares)
    if len(shares) < 2 or not positive:
        raise ValueError(
            arguments.invalid("shares", shares, "at least two positive numbers")
        )
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(arguments.invalid("shares", shares, "a sum of 1"))
    return shares


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
