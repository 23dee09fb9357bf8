"""The images that a model is most wrong about, and where it looks on them."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.metrics.calibration import check_probabilities
from keras_attention.visualization.attention_plot import attention_figure
from keras_attention.visualization.captions import captions


def plot_top_losses(
    images,
    labels,
    probabilities,
    maps,
    *,
    outlines=None,
    class_names=None,
    normalize="relative",
    max_images=8,
):
    """The images with the highest loss first, and where each layer looks.

    The loss is `-log p` of the true class, written below each image with the
    answer.

    Args:
        images: array or list, as `plot_attention` takes it.
        labels: int array `(batch,)`, the true classes.
        probabilities: array `(batch, classes)`, rows that sum to 1.
        maps: dict of name to `AttentionMap` or array, as in `plot_attention`.
        outlines: array or `None`, as in `plot_attention`. Defaults to `None`.
        class_names: list of str or `None`, names by class. Defaults to `None`.
        normalize: str, as in `plot_attention`. Defaults to `"relative"`.
        max_images: int, how many images to show. Defaults to `8`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: Naming the argument that does not fit the images.

    Example: the second answer is the worst.

    >>> images, maps = np.zeros((3, 16, 16)), {"gate": np.ones((3, 4, 4))}
    >>> sure = np.array([[0.9, 0.1], [0.99, 0.01], [0.6, 0.4]])
    >>> figure = plot_top_losses(images, [0, 1, 1], sure, maps, max_images=1)
    >>> print(figure.axes[0].get_xlabel())
    ✗ 0
    true: 1
    loss 4.6
    """
    arguments.positive_int("max_images", max_images)
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    check_probabilities(labels, probabilities)
    count = len(labels)
    if len(images) != count or np.ndim(images[0]) < 2:
        raise ValueError(
            f"Invalid value for argument images: expected {count}, one a "
            f"label. Received: {len(images)}, the first of shape "
            f"{np.shape(images[0])}"
        )
    true = probabilities[np.arange(count), labels].astype("float64")
    losses = -np.log(np.maximum(true, np.finfo("float64").tiny))
    order = np.argsort(-losses, kind="stable")[:max_images]
    details = [f"loss {losses[i]:.1f}" for i in order]
    texts = captions(
        len(order), labels[order], probabilities[order], class_names, details
    )
    maps = {
        name: _chosen(values, order) if len(values) == count else values
        for name, values in maps.items()
    }
    return attention_figure(
        _chosen(images, order),
        maps,
        texts,
        None if outlines is None else _chosen(outlines, order),
        normalize,
        max_images,
    )


def _chosen(values, order):
    """Those of some images, of an array or of a list."""
    is_list = isinstance(values, (list, tuple))
    return [values[i] for i in order] if is_list else values[order]
