"""Weights from the counts of classes: rare ones count as much as all others."""

import numpy as np

from keras_attention.internals import arguments


def balanced_alpha(counts, images=None, beta=None):
    """The `alpha` of a `FocalLoss` under which all classes count the same.

    Of exclusive classes, with `n_k` images of class `k` among `N` of `K`
    classes, `alpha_k = N / (K n_k)`. Where an image may have any number of
    classes, the pair of label 0 and label 1 is
    `alpha_k = N / 2 * (1 / (N - n_k), 1 / n_k)`. Over the training images the
    mean weight is 1, so that the learning rate need not change.

    In place of Keras' `class_weight`, which refuses a model of several outputs
    and takes the largest of several labels for the only one. A sampler that
    draws all classes equally often is another way to balance; both together
    balance twice.

    Args:
        counts: list of int, images with each class, at least 1 of each: for
            integer labels `np.bincount(labels)`, for the others
            `labels.sum(0)`.
        images: int or `None`, number of all images for `multi_label=True`, one
            sigmoid (`counts=[positives]`) included; `None` is for exclusive
            classes. Defaults to `None`.
        beta: float or `None`, below 1: counts `n` become effective numbers
            `(1 - beta^n) / (1 - beta)`, which differ less; `None` takes them
            as they are. Defaults to `None`.

    Returns:
        A list: one number a class or, with `images`, one pair.

    Raises:
        ValueError: A class without images, or without images that lack it; a
            `beta` out of range.

    Example:

    >>> from keras_attention.losses import FocalLoss, balanced_alpha
    >>> balanced_alpha([90, 10])
    [0.5555555555555556, 5.0]
    >>> loss = FocalLoss(0, balanced_alpha([90, 10]))
    >>> balanced_alpha([10, 50], images=100)
    [[0.5555555555555556, 5.0], [1.0, 1.0]]
    >>> loss = FocalLoss(0, balanced_alpha([10], images=100), multi_label=True)

    Reference:
        Cui, Jia, Lin, Song, Belongie: Class-Balanced Loss Based on Effective
        Number of Samples. CVPR 2019.

    Differs from the paper:
        Its weights sum to the number of classes; here their mean over the
        images is 1.

    Cost:
        None in training beside that of `FocalLoss`.
    """
    found = arguments.real_array("counts", counts)
    if images is not None:
        arguments.positive_int("images", images)
        # Of each class, the images without it and those with it.
        found = np.stack([images - found, found], axis=-1)
    if found.ndim != 1 + (images is not None) or not (
        found.size and (found >= 1).all() and np.isfinite(found).all()
    ):
        most = "" if images is None else f" and at most {images - 1}"
        expected = f"a list of numbers of images, each at least 1{most}"
        raise ValueError(arguments.invalid("counts", counts, expected))
    effective = found
    if beta is not None:
        arguments.fraction("beta", beta)
        effective = (1 - beta**found) / (1 - beta)
    total = found.sum(-1, keepdims=True)
    mean = (found / effective).sum(-1, keepdims=True) / total
    return (1 / (effective * mean)).tolist()
