"""How sure a number is that was measured on a sample."""

import warnings

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained

_MOST = 2**20  # images of the draws that are in memory together


def bootstrap_interval(
    metric, *arrays, groups=None, level=0.95, repeats=1000, seed=0
):
    """A percentile interval for a number measured on a sample of images.

    The images are drawn again, with replacement, as many as there are, and
    the metric is measured on every draw. Images of one patient are alike:
    with `groups` whole patients are drawn, and an interval that takes each
    image for a new one would be too narrow.

    Args:
        metric: callable, a function of the arrays that returns a number, such
            as `roc_auc`. Draws for which it is NaN are left out.
        *arrays: arrays, what it takes, one entry an image each.
        groups: array `(count,)`, what each image belongs to, such as its
            patient. With `None` each image is its own. Defaults to `None`.
        level: float, share of the draws inside, in `(0, 1)`. Defaults to
            `0.95`.
        repeats: int, number of draws. Defaults to `1000`.
        seed: int, of the draws. Defaults to `0`.

    Returns:
        `(low, high)`; NaN if no draw gives a number.

    Raises:
        ValueError: For arrays of different lengths or none, for fewer than
            two images or groups, and for a level out of range.

    Example:

    >>> right = np.repeat([0, 1], 8)
    >>> bootstrap_interval(np.mean, right)
    (0.25, 0.75)
    >>> bootstrap_interval(np.mean, right, groups=np.repeat(["a", "b"], 8))
    (0.0, 1.0)

    Reference:
        Efron, Tibshirani: An Introduction to the Bootstrap. 1993, chapter 13.
        Drawn by `scipy.stats.bootstrap`.
    """
    with explained("keras_attention.metrics"):
        from scipy import stats

    arguments.positive_int("repeats", repeats)
    arguments.non_negative_int("seed", seed)
    if not 0 < level < 1:
        raise ValueError(
            arguments.invalid("level", level, "a number in (0, 1)")
        )
    arrays = [np.asarray(array) for array in arrays]
    members, count = _drawn_together(arrays, groups)

    def measure(drawn):
        if members is not None:
            drawn = np.concatenate([members[group] for group in drawn])
        return float(metric(*(array[drawn] for array in arrays)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of draws without a class
        values = stats.bootstrap(
            (np.arange(count),),
            measure,
            vectorized=False,
            method="percentile",
            n_resamples=repeats,
            batch=max(1, _MOST // count),
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    values = values[~np.isnan(values)]
    if not values.size:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _drawn_together(arrays, groups):
    """The images of each group, or `None`, and how many units are drawn."""
    lengths = [array.shape[:1] for array in arrays]
    if groups is not None:
        groups = np.asarray(groups)
        lengths.append(groups.shape)
    if not arrays or len({*lengths}) != 1 or lengths[0] in ((), (0,)):
        raise ValueError(
            "bootstrap_interval needs arrays of one length, at least 2, and "
            "a group for each entry. Received: lengths "
            f"{[*map(list, lengths)]}"
        )
    members, (count,) = None, lengths[0]
    if groups is not None:
        _, owners, sizes = np.unique(
            groups, return_inverse=True, return_counts=True
        )
        order = np.argsort(owners, kind="stable")
        members = np.split(order, np.cumsum(sizes)[:-1])
        count = len(members)
    if count < 2:
        raise ValueError(
            "bootstrap_interval draws from at least two images, or groups of "
            "them: one tells nothing of how others differ. Received: one"
        )
    return members, count
