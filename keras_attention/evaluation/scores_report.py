"""Labels and scores of several models -> the numbers that a paper prints."""

import numpy as np

from keras_attention.evaluation.scores_table import ScoresReport
from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.metrics.bootstrap import bootstrap_interval
from keras_attention.metrics.calibration import expected_calibration_error
from keras_attention.metrics.classification import average_precision
from keras_attention.metrics.temperature import at_temperature
from keras_attention.metrics.temperature import fit_temperature


def report(
    labels,
    scores,
    *,
    groups=None,
    reference=None,
    specificity=0.9,
    thresholds=None,
    temperatures=None,
    level=0.95,
    repeats=1000,
    seed=0,
):
    """Tells how well models find the positive of two classes, and how surely.

    Area under the ROC curve, average precision, sensitivity and specificity at
    a threshold, balanced accuracy, calibration error before and after
    temperature scaling, each of the first five with a bootstrap interval; and,
    against a reference such as the network without attention, the difference
    of the areas with its interval and the p-value of a paired test.

    What is chosen is chosen on other images than those it is tested on:

        chosen = report(validation_labels, validation_scores)
        tested = report(labels, scores, thresholds=chosen.thresholds,
                        temperatures=chosen.temperatures)

    Args:
        labels: array `(count,)`, 0 or 1; 1 is the positive class.
        scores: dict of name to probabilities of class 1 `(count,)`, or of both
            classes `(count, 2)`, of each model: of a test set, or predicted
            out of fold (`training.cross_validate`).
        groups: array `(count,)` or `None`, what each image belongs to, such
            as its patient: whole groups are drawn and exchanged. Defaults to
            `None`.
        reference: str or `None`, the model that others are compared with.
            Defaults to `None`.
        specificity: float, in `[0, 1]`, that a threshold has to reach where it
            is chosen; there it is the one of the highest sensitivity. Defaults
            to `0.9`.
        thresholds: dict of name to float, or `None`, fixed before; `None`
            chooses them on these images, and the table says so. Defaults to
            `None`.
        temperatures: dict of name to float, or `None`, fixed before; `None`
            fits them on these images, and the table says so. Defaults to
            `None`.
        level: float, of the intervals, in `(0, 1)`. Defaults to `0.95`.
        repeats: int, draws of the bootstrap and of the test. Defaults to
            `1000`.
        seed: int, of the draws. Defaults to `0`.

    Returns:
        A `ScoresReport`: print it, show it in a notebook, save it as CSV, JSON
        or LaTeX, draw it with `visualization.plot_roc` and
        `visualization.plot_calibration`.

    Raises:
        ValueError: For more than two classes (`metrics.roc_auc` takes them),
            one class only, scores that are no probabilities, an unknown
            reference, and thresholds or temperatures of other models.

    Example:

    >>> labels = np.repeat([0, 1], 20)
    >>> noise = np.random.default_rng(0).uniform(0, 0.6, (2, 40))
    >>> scores = {"plain": noise[0], "attention": noise[1] + 0.4 * labels}
    >>> found = report(labels, scores, reference="plain", repeats=200)
    >>> print(found)
    model                          AUC  ...
    >>> found.rows[1]["p_value"] < 0.01
    True

    Reference:
        Efron, Tibshirani: An Introduction to the Bootstrap. 1993. Bandos,
        Rockette, Gur: A permutation test sensitive to differences in areas for
        comparing ROC curves from a paired design. Statistics in Medicine 24,
        2005: ranks are exchanged between the two models, by
        `scipy.stats.permutation_test`; DeLong's test, which no library here
        has, takes all images for independent.

    Cost:
        About 2 s a model of 500 images.
    """
    labels = _checked_labels(labels)
    scores = {name: _checked(name, x, labels) for name, x in scores.items()}
    if not scores:
        raise ValueError("report needs the scores of at least one model")
    if reference is not None:
        arguments.one_of("reference", reference, tuple(scores))
    if not 0 <= specificity <= 1:
        raise ValueError(
            arguments.invalid("specificity", specificity, "a number in [0, 1]")
        )
    chosen = {
        "thresholds": thresholds is None,
        "temperatures": temperatures is None,
    }
    if thresholds is None:
        thresholds = {
            name: _threshold(labels, x, specificity)
            for name, x in scores.items()
        }
    if temperatures is None:
        temperatures = {
            name: fit_temperature(labels, _both(x))
            for name, x in scores.items()
        }
    for name, given in (
        ("thresholds", thresholds),
        ("temperatures", temperatures),
    ):
        if {*given} != {*scores}:
            expected = f"one number for each of {', '.join(scores)}"
            raise ValueError(arguments.invalid(name, given, expected))
    draws = {"groups": groups, "level": level, "repeats": repeats, "seed": seed}
    rows = [
        {
            "model": name,
            "images": len(labels),
            "positives": int(labels.sum()),
            **_alone(labels, x, thresholds[name], temperatures[name], draws),
            **_beside(labels, x, scores.get(reference), draws),
        }
        for name, x in scores.items()
    ]
    settings = {
        "reference": reference,
        "specificity": specificity,
        "level": level,
        "repeats": repeats,
        "seed": seed,
        "groups": None if groups is None else len(np.unique(groups)),
        "chosen_on_these_images": [name for name in chosen if chosen[name]],
    }
    return ScoresReport(rows, settings, labels, scores)


def _alone(labels, scores, threshold, temperature, draws):
    """The numbers of one model."""
    at = {
        "auc": area_under_roc,
        "average_precision": average_precision,
        "sensitivity": lambda y, p: _share(p[y] >= threshold),
        "specificity": lambda y, p: _share(p[~y] < threshold),
        "balanced_accuracy": lambda y, p: (
            (_share(p[y] >= threshold) + _share(p[~y] < threshold)) / 2
        ),
    }
    found = {
        name: [
            float(metric(labels, scores)),
            *bootstrap_interval(metric, labels, scores, **draws),
        ]
        for name, metric in at.items()
    }
    both = _both(scores)
    classes = labels.astype(int)
    scaled = at_temperature(both, temperature)
    return {
        **found,
        "threshold": float(threshold),
        "temperature": float(temperature),
        "ece": expected_calibration_error(classes, both),
        "ece_at_temperature": expected_calibration_error(classes, scaled),
    }


def _beside(labels, scores, others, draws):
    """What a model has more than the reference, and whether by chance."""
    if others is None or others is scores:
        return {"auc_difference": None, "p_value": None}

    def difference(y, p, q):
        return area_under_roc(y, p) - area_under_roc(y, q)

    interval = bootstrap_interval(difference, labels, scores, others, **draws)
    return {
        "auc_difference": [difference(labels, scores, others), *interval],
        "p_value": paired_test(
            labels,
            scores,
            others,
            draws["groups"],
            repeats=draws["repeats"],
            seed=draws["seed"],
        ),
    }


def paired_test(labels, scores, others, groups=None, *, repeats=1000, seed=0):
    """The p-value of no difference between the areas of two models.

    Where they are alike, it makes no difference which of the two ranked an
    image, or all images of a group: these are exchanged at random.

    Args:
        labels: bool array `(count,)`.
        scores: array `(count,)`, of the one model.
        others: array `(count,)`, of the other.
        groups: array `(count,)` or `None`. Defaults to `None`.
        repeats: int, random exchanges. Defaults to `1000`.
        seed: int. Defaults to `0`.

    Returns:
        A float in `(0, 1]`, of two sides.
    """
    with explained("keras_attention.evaluation"):
        from scipy import stats

    ranks = stats.rankdata([scores, others], axis=1)  # (2, count)
    owners = np.arange(len(labels))
    if groups is not None:
        _, owners = np.unique(groups, return_inverse=True)
    count = owners.max() + 1

    def difference(sides, _):
        """`sides` is -1 where the two have been exchanged."""
        kept = sides[owners] > 0
        one = np.where(kept, ranks[0], ranks[1])
        other = np.where(kept, ranks[1], ranks[0])
        return area_under_roc(labels, one) - area_under_roc(labels, other)

    return float(
        stats.permutation_test(
            (np.ones(count), -np.ones(count)),
            difference,
            permutation_type="samples",
            vectorized=False,
            n_resamples=repeats,
            rng=np.random.default_rng(seed),
        ).pvalue
    )


def area_under_roc(labels, scores):
    """`metrics.roc_auc` of two classes, from ranks and without its checks.

    The bootstrap asks thousands of times. NaN where a class is missing.
    """
    from scipy import stats

    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = stats.rankdata(scores)[labels].sum()
    least = positives * (positives + 1) / 2
    return float((ranks - least) / (positives * negatives))


def _threshold(labels, scores, specificity):
    """From which score on an image is called positive."""
    from sklearn.metrics import roc_curve

    false, true, scores_at = roc_curve(labels, scores, drop_intermediate=False)
    allowed = false <= 1 - specificity + 1e-12
    best = np.flatnonzero(allowed & (true == true[allowed].max()))[0]
    # The first is infinite: nothing is called positive.
    return float(min(scores_at[best], np.nextafter(scores.max(), 2.0)))


def _share(found):
    return found.mean() if found.size else np.nan


def _both(scores):
    return np.stack([1 - scores, scores], -1)


def _checked_labels(labels):
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "Invalid value for argument labels: expected 0 or 1 for each "
            "image; for more classes there are metrics.roc_auc and "
            f"evaluation.compare. Received: shape {labels.shape}, values "
            f"{np.unique(labels)[:5]}"
        )
    if len({*labels.tolist()}) < 2:
        raise ValueError(
            "Invalid value for argument labels: expected images of both "
            f"classes. Received: {len(labels)} of one"
        )
    return labels.astype(bool)


def _checked(name, scores, labels):
    """Probabilities of class 1, `(count,)`."""
    scores = np.asarray(scores, "float64")
    count = len(labels)
    if scores.shape == (count, 2) and np.allclose(scores.sum(1), 1, atol=1e-3):
        scores = scores[:, 1]
    if scores.shape in ((count, 1), (count,)):
        scores = scores.reshape(count)
        # NaN is in no interval.
        if ((scores >= 0) & (scores <= 1)).all():
            return scores
    raise ValueError(
        f"scores[{name!r}]: expected probabilities of class 1 in [0, 1], "
        f"({count},), or of both, ({count}, 2); of logits take a sigmoid or a "
        f"softmax. Received: shape {scores.shape}, from {np.min(scores)} to "
        f"{np.max(scores)}"
    )
