"""Maps of one layer -> the numbers that are followed."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.metrics import attention_energy
from keras_attention.metrics import attention_lift
from keras_attention.visualization.entropy import normalized_entropy


def _entropy(maps, masks):
    return normalized_entropy(maps)


#: Name to a function `(maps, masks) -> (batch,)`; those that need masks first.
MEASURES = {
    "energy": attention_energy,
    "lift": attention_lift,
    "entropy": _entropy,
}
_NEED_MASKS = ("energy", "lift")
#: Not measured, but read from the layer.
GAIN = "gain"


def chosen_measures(metrics, masks):
    """Name to function, `None` for the gain, of what `metrics` asks for.

    Args:
        metrics: list of str and of functions `(maps, masks) -> (batch,)`, or
            `None`, all that there is an answer to.
        masks: array or `None`.

    Returns:
        Dictionary.

    Raises:
        ValueError: For other names, one that needs masks without any, and
            what is no function.

    Example:

    >>> [*chosen_measures(None, masks=None)]
    ['entropy', 'gain']
    """
    known = {**MEASURES, GAIN: None}
    if metrics is None:
        lacking = _NEED_MASKS if masks is None else ()
        return {name: known[name] for name in known if name not in lacking}
    if isinstance(metrics, str) or not isinstance(metrics, list | tuple):
        expected = "a list of names and functions"
        raise ValueError(arguments.invalid("metrics", metrics, expected))
    chosen = {}
    for metric in metrics:
        if callable(metric):
            chosen[getattr(metric, "__name__", type(metric).__name__)] = metric
            continue
        arguments.one_of("metrics", metric, tuple(known))
        if masks is None and metric in _NEED_MASKS:
            expected = "names that need no masks, as none are given"
            raise ValueError(arguments.invalid("metrics", metric, expected))
        chosen[metric] = known[metric]
    return chosen


def measured(attention, masks, measures):
    """The numbers of one layer, means over the images that have one.

    Args:
        attention: `AttentionMap`, spatial.
        masks: array or `None`.
        measures: dict, of `chosen_measures`.

    Returns:
        Dictionary of name to float; NaN if no image has a number, and no entry
        for the gain of a layer without one.
    """
    numbers = {}
    for name, measure in measures.items():
        if measure is not None:
            values = np.asarray(measure(attention, masks), "float64")
            known = values[~np.isnan(values)]
            numbers[name] = float(known.mean()) if known.size else float("nan")
        elif attention.gain is not None:
            numbers[name] = attention.gain
    return numbers
