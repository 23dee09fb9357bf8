"""Weights of channels, class by class."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.words import shortened
from keras_attention.visualization.attention_map import AttentionMap
from keras_attention.visualization.canvas import INK
from keras_attention.visualization.canvas import SMALL
from keras_attention.visualization.canvas import Canvas
from keras_attention.visualization.canvas import legend
from keras_attention.visualization.canvas import plain
from keras_attention.visualization.captions import named_classes
from keras_attention.visualization.influence import described_influence
from keras_attention.visualization.styles import COLOURS

_WIDTH, _HEIGHT = 7.0, 2.3  # inches of a panel
_LONGEST = 24  # letters of a name


def plot_channel_attention(weights, labels=None, class_names=None):
    """The mean weight of every channel, a line a class, a panel a layer.

    The channels stand in the order of their mean over all images. Around each
    line lies a band from the lower to the upper quartile of the class. Lines
    that are the same say that a layer has learnt which channels matter at all,
    and not for which image: the title says how much of the variance lies
    between channels, between classes, and between images of one class.

    Args:
        weights: `AttentionMap` of channels, array `(batch, 1, 1, channels)` or
            `(batch, channels)`, or dict of name to these: what
            `collect_attention` returns, of which other attention is left out.
        labels: int array `(batch,)` or `None`, the classes; `None` draws one
            line. The six most frequent are drawn. Defaults to `None`.
        class_names: list of str or `None`, names by class. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: For weights that are not of channels, and labels that do not
            fit them.

    Example: two channels, each for one class.

    >>> weights = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> figure = plot_channel_attention({"se": weights}, [0, 0, 1, 1])
    >>> print(figure.axes[0].get_title(loc="left"))
    se, 2 channels
    variance: 0% between channels, 100% classes, 0% images of a class

    Reference:
        Hu, Shen, Sun: Squeeze-and-Excitation Networks. CVPR 2018, figure 5
        (there in the order of the channels, which is an accident).
    """
    layers = _channel_weights(weights)
    count = len(next(iter(layers.values()))[0])
    classes = named_classes("labels", labels, count, class_names)
    canvas = Canvas(_WIDTH, 0.7 + _HEIGHT * len(layers))
    panels = canvas.subplots(len(layers), 1, squeeze=False)[:, 0]
    for axes, (name, (values, one)) in zip(panels, layers.items(), strict=True):
        if len(values) != count:
            raise ValueError(
                "Invalid value for argument weights: expected one entry an "
                f"image in every layer. Received: {count} and {len(values)}"
            )
        groups = _groups(values, classes)
        shares = [f"{share:.0%}" for share in _variance(values, groups)]
        told = (
            f"{shortened(name, _LONGEST)}, {values.shape[1]} channels"
            f"{described_influence(one, ', ')}\nvariance: {shares[0]} between "
            f"channels, {shares[1]} classes, {shares[2]} images of a class"
        )
        plain(axes, "", y="weight")
        axes.set_title(told, loc="left", fontsize=SMALL, color=INK)
        channels = np.arange(values.shape[1])
        values = values[:, np.argsort(-values.mean(0), kind="stable")]
        for colour, (label, rows) in zip(COLOURS, groups.items(), strict=False):
            mean = values[rows].mean(0)
            low, high = np.quantile(values[rows], (0.25, 0.75), axis=0)
            axes.plot(channels, mean, color=colour, linewidth=1.2, label=label)
            axes.fill_between(
                channels, low, high, color=colour, alpha=0.15, linewidth=0
            )
        axes.set_xlim(0, max(1, values.shape[1] - 1))
    panels[-1].set_xlabel("channels, the highest mean first", fontsize=SMALL)
    if labels is not None:
        legend(canvas, panels[0])
    return canvas


def _channel_weights(weights):
    """Name to `((batch, channels), as given)` of what is of channels."""
    if not isinstance(weights, dict):
        name = getattr(weights, "layer", "channels")
        weights = {name: weights}
    layers = {}
    for name, value in weights.items():
        if isinstance(value, AttentionMap) and value.kind != "channel":
            continue
        array = arguments.real_array("weights", value).astype("float64")
        is_channels = array.ndim == 4 and array.shape[1:3] == (1, 1)
        if not (is_channels or array.ndim == 2) or 0 in array.shape:
            raise ValueError(
                "Invalid value for argument weights: expected (batch, 1, 1, "
                "channels) or (batch, channels), not empty. Received: "
                f"{name!r} of shape {array.shape}"
            )
        layers[name] = array.reshape(len(array), -1), value
    if not layers:
        raise ValueError(
            "Invalid value for argument weights: expected a layer that attends "
            f"to channels. Received: {', '.join(weights) or 'none'}"
        )
    return layers


def _groups(values, classes):
    """Label to the rows of its images, the most frequent classes first."""
    groups = {}
    for row, one in enumerate(classes):
        key = (0, "all images") if one is None else one
        groups.setdefault(key, []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {
        f"{shortened(name, _LONGEST)} ({len(rows)})": rows
        for (_, name), rows in ordered
    }


def _variance(values, groups):
    """Shares between channels, between classes, and between their images."""
    total = values.var()
    if not total > 0:
        return (0.0, 0.0, 0.0)
    means = np.empty_like(values)  # of the class, for each image and channel
    for rows in groups.values():
        means[rows] = values[rows].mean(0)
    between_channels = values.mean(0).var()
    within = ((values - means) ** 2).mean()
    between_classes = max(0.0, total - between_channels - within)
    return tuple(x / total for x in (between_channels, between_classes, within))
