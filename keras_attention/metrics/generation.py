"""How good generated images are, by what another network sees in them.

All take the answers or features of a network that the caller chooses and
names: the numbers of two networks are not comparable. What is printed as FID,
IS and KID elsewhere is by one Inception network of 2015, on 50,000 images. From
images to numbers: `evaluation.ImageJudge`.
"""

import warnings

import numpy as np

from keras_attention.internals import arguments


def inception_score(probabilities, splits=10):
    """How sure a classifier is of each image, and how different they are.

    `exp(mean_x KL(p(y|x) || mean_x p(y|x)))`, of each of the splits: 1 where
    all answers are alike, the number of classes where each is sure and all
    classes are as frequent.

    Args:
        probabilities: array `(count, classes)`, the classifier's, each row
            summing to 1.
        splits: int, parts one after the other, of about one size; the images
            should be in no order. Defaults to `10`.

    Returns:
        `(mean, deviation)` over the splits, the deviation that of the numbers
        there are and not of a sample of them. One split has none: 0.

    Raises:
        ValueError: If the rows are no probabilities, or fewer than the splits.

    Example:

    >>> print(inception_score(np.eye(4), splits=1))
    (4.0, 0.0)
    >>> print(inception_score(np.full((4, 4), 1 / 4), splits=2))
    (1.0, 0.0)

    Reference:
        Salimans et al.: Improved Techniques for Training GANs. NIPS 2016.

    Differs from the paper:
        Any classifier is good for it. A score of few images is too low: no
        part can have more classes than images.
    """
    arguments.positive_int("splits", splits)
    given = arguments.real_array("probabilities", probabilities)
    given = given.astype("float64")
    if given.ndim != 2 or len(given) < splits:
        raise ValueError(
            "Invalid value for argument probabilities: expected (count, "
            f"classes), at least one image for each of {splits} splits. "
            f"Received: shape {given.shape}"
        )
    if not (given >= 0).all() or abs(given.sum(1) - 1).max() > 1e-3:
        raise ValueError(
            "Invalid value for argument probabilities: expected rows that sum "
            f"to 1, of at least 0. Received: sums of {given.sum(1).min():.3g} "
            f"to {given.sum(1).max():.3g}"
        )
    scores = []
    for part in np.array_split(given, splits):
        all_in_all = part.mean(0, keepdims=True)
        # 0 log 0 is 0, and a class that nobody has, has no part.
        ratios = np.divide(
            part, all_in_all, where=part > 0, out=np.ones_like(part)
        )
        scores.append(np.exp((part * np.log(ratios)).sum(1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


class FeatureStatistics:
    """Mean and covariance of features that come batch by batch, in float64.

    Example:

    >>> statistics = FeatureStatistics()
    >>> statistics.add([[0.0, 1.0]]).add([[2.0, 1.0], [1.0, 4.0]]).count
    3
    >>> print(statistics.mean, statistics.covariance, sep="\\n")
    [1. 2.]
    [[1. 0.]
     [0. 3.]]
    """

    def __init__(self):
        self.count = 0
        self.mean = 0.0
        self._scatter = 0.0  # about the mean

    def add(self, features):
        """Takes in a batch.

        Args:
            features: array `(batch, channels)`, of any number type.

        Returns:
            Itself.

        Raises:
            ValueError: For other shapes and for numbers that are not finite.
        """
        features = _features("features", features)
        count, mean = len(features), features.mean(0)
        if self.count and mean.shape != self.mean.shape:
            raise ValueError(
                "Invalid value for argument features: expected "
                f"{len(self.mean)} channels as before. Received: {len(mean)}"
            )
        total = self.count + count
        apart = mean - self.mean
        centred = features - mean
        self._scatter = self._scatter + centred.T @ centred
        # What a batch's mean adds to the scatter about the mean of all.
        self._scatter += np.outer(apart, apart) * self.count * count / total
        self.mean = self.mean + apart * count / total
        self.count = total
        return self

    @property
    def covariance(self):
        """The unbiased covariance `(channels, channels)`."""
        return self._scatter / max(self.count - 1, 1)


def frechet_distance(real, generated):
    """The distance of two sets of features, each as a normal distribution.

    `|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2))` of their means and covariances.
    With the pooled features of the Inception network of 2015 it is the FID.

    Args:
        real: array `(count, channels)`, features of real images, or a
            `FeatureStatistics` of them.
        generated: array or `FeatureStatistics`, those of generated ones.

    Returns:
        A float, at least 0, with a warning where there are not more images
        than channels: such a covariance knows only some directions.

    Raises:
        ValueError: For other shapes, different channels, fewer than two images,
            and numbers that are not finite.

    Example: the same spread, two apart.

    >>> real = np.random.default_rng(0).normal(size=(100, 3))
    >>> print(round(frechet_distance(real, real + [2, 0, 0]), 6))
    4.0

    Reference:
        Heusel et al.: GANs Trained by a Two Time-Scale Update Rule Converge
        to a Local Nash Equilibrium. NIPS 2017.

    Differs from the paper:
        The features are the caller's choice. The distance of few images is too
        large; compare sets of one size only.

    Cost:
        Two eigenvalue problems of the channels: 2 s for 2,048.
    """
    (mean, first), (other_mean, second) = (
        _mean_and_covariance(name, given)
        for name, given in (("real", real), ("generated", generated))
    )
    if mean.shape != other_mean.shape:
        raise ValueError(
            "Arguments real and generated must have the same channels. "
            f"Received: {len(mean)} and {len(other_mean)}"
        )
    # (S S')^(1/2) has the trace of (S^(1/2) S' S^(1/2))^(1/2), symmetric.
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    middle = np.linalg.eigvalsh(root @ second @ root)
    between = np.sqrt(np.maximum(middle, 0)).sum()
    apart = ((mean - other_mean) ** 2).sum()
    distance = apart + np.trace(first) + np.trace(second) - 2 * between
    return float(max(distance, 0.0))


def kernel_distance(real, generated, *, subsets=100, size=1000, seed=0):
    """The distance of two sets of features, without bias: the KID.

    The squared maximum mean discrepancy with the kernel
    `(x y / channels + 1)^3`, unbiased, as a mean over random subsets. Of two
    sets of one distribution it is 0 on average, however few the images.

    Args:
        real: array `(count, channels)`, features of real images.
        generated: array `(count, channels)`, those of generated ones.
        subsets: int, how many are drawn. Defaults to `100`.
        size: int, images of each set in a subset; at most those there are.
            Defaults to `1000`.
        seed: int, of the subsets. Defaults to `0`.

    Returns:
        `(mean, deviation)` over the subsets; the mean can be below 0.

    Raises:
        ValueError: For other shapes, different channels, fewer than two images,
            and numbers that are not finite.

    Example:

    >>> features = np.random.default_rng(0).normal(size=(2, 200, 4))
    >>> mean, _ = kernel_distance(*features)
    >>> print(round(abs(mean), 1))
    0.0

    Reference:
        Binkowski, Sutherland, Arbel, Gretton: Demystifying MMD GANs. ICLR 2018.
    """
    arguments.positive_int("subsets", subsets)
    arguments.positive_int("size", size)
    rng = np.random.default_rng(arguments.seed(seed))
    real = _features("real", real)
    generated = _features("generated", generated)
    size = min(size, len(real), len(generated))
    if real.shape[1] != generated.shape[1] or size < 2:
        raise ValueError(
            "Arguments real and generated must have the same channels, and at "
            f"least two images. Received: shapes {real.shape} and "
            f"{generated.shape}"
        )
    distances = []
    for _ in range(subsets):
        x, y = (
            of[rng.choice(len(of), size, replace=False)]
            for of in (real, generated)
        )
        pairs = size * (size - 1)
        within = sum(
            (kernel.sum() - np.trace(kernel)) / pairs
            for kernel in (_kernel(x, x), _kernel(y, y))
        )
        distances.append(within - 2 * _kernel(x, y).mean())
    return float(np.mean(distances)), float(np.std(distances))


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def _features(name, features):
    features = arguments.real_array(name, features).astype("float64")
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(
            f"Invalid value for argument {name}: expected features (count, "
            f"channels), not empty. Received: shape {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError(
            f"Invalid value for argument {name}: expected finite features. "
            f"Received: {np.isnan(features).sum()} NaN, "
            f"{np.isinf(features).sum()} infinite, the first of image "
            f"{np.argwhere(~np.isfinite(features))[0, 0]}"
        )
    return features


def _mean_and_covariance(name, given):
    if not isinstance(given, FeatureStatistics):
        given = FeatureStatistics().add(_features(name, given))
    if given.count < 2:
        raise ValueError(
            f"Invalid value for argument {name}: expected features of at least "
            f"two images. Received: {given.count}"
        )
    channels = len(given.mean)
    if given.count <= channels:
        warnings.warn(
            f"The {given.count} images of {name} span fewer than the "
            f"{channels} channels of their features: the distance is too large"
        )
    return given.mean, given.covariance
