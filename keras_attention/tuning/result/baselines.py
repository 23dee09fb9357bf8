"""What a winner has to be better than: the majority class, a plain network."""

import math
import re

_SUFFIX = "_attention"
# No attention; the last two in spaces of others, with `use_attention`.
_OFF = ("none", False, None)
_ACCURACY = re.compile(r"(val_)?(sparse_|categorical_|binary_)*acc(uracy)?")


def attention_of(values):
    """Place to mechanism, of the hyperparameters of a trial.

    >>> attention_of({"block3_attention": "se", "block4_attention": "none"})
    {'block3': 'se'}
    """
    return {
        name.removesuffix(_SUFFIX): value
        for name, value in values.items()
        if name.endswith(_SUFFIX) and value not in _OFF
    }


def plain_network(result):
    """The best `Trial` without attention, `None` unless that was searched."""
    if not _searched_attention(result):
        return None
    plain = (t for t in result.finished if not attention_of(t.values))
    return next(plain, None)


def accuracy_name(result):
    """The metric that the share of a class can be compared with, or `None`."""
    names = [result.objective, *result.winner().metrics]
    return next(
        (
            name
            for name in names
            if _ACCURACY.fullmatch(name)
            and (name == result.objective or name.startswith("val_"))
        ),
        None,
    )


def majority_score(result):
    """What always answering one class would score, `None` if unknown."""
    if not result.finished or accuracy_name(result) != result.objective:
        return None
    return result.majority


def verdicts(result):
    """How the winner stands beside what needs no attention, or no training.

    A list of `(bool, str)`: whether the winner is shown to be no better, and a
    sentence. Empty where there is nothing to compare it with.
    """
    found = _beside_majority(result), _beside_plain(result)
    return [verdict for verdict in found if verdict]


def _beside_majority(result):
    name = accuracy_name(result)
    accuracy = name and result.winner().metrics.get(name)
    if result.majority is None or accuracy is None:
        return None
    other = (
        "always answering the most frequent class, which is right for "
        f"{result.majority:.1%} of the validation data"
    )
    if accuracy > result.majority and not _alike(accuracy, result.majority):
        return False, f"Its {name} of {accuracy:.1%} is better than {other}."
    return True, (
        f"The winner is no better than {other}: its {name} is {accuracy:.1%}."
    )


def _beside_plain(result):
    best, plain = result.winner(), result.plain
    if plain is best:
        return True, (
            "The winner is a plain network: no attention that was tried is "
            "better than none."
        )
    if plain is None:
        if not _searched_attention(result):
            return None
        return False, (
            "No trial without attention has finished, so what attention adds "
            "is not known: retrain(values=...) of hypermodel.baselines() "
            "tells it."
        )
    gap = abs(best.score - plain.score)
    spread = max(best.spread or 0.0, plain.spread or 0.0)
    if gap > spread and not _alike(best.score, plain.score):
        return False, (
            f"The best plain network, trial {plain.trial_id}, has "
            f"{plain.score:.4g}, {gap:.2g} behind."
        )
    repeats = f", and repeats differ by {spread:.2g}" if spread else ""
    return True, (
        "The winner is not shown to be better than the best plain network, "
        f"trial {plain.trial_id}: that has {plain.score:.4g}{repeats}."
    )


def _alike(a, b):
    """Whether float32 may tell two numbers apart by rounding alone."""
    return math.isclose(a, b, rel_tol=1e-6)


def _searched_attention(result):
    names = [entry["config"]["name"] for entry in result.space]
    names += [name for trial in result.finished for name in trial.values]
    return any(name.endswith(_SUFFIX) for name in names)
