"""Scores of generated images, against closed forms and loops."""

import itertools
import warnings

import numpy as np
import pytest

from keras_attention import metrics

RNG = np.random.default_rng(0)


def test_inception_score_of_what_is_known():
    classes = 5
    balanced = np.eye(classes)[np.arange(50) % classes]
    np.testing.assert_allclose(metrics.inception_score(balanced), (classes, 0))
    uniform = np.full((20, classes), 1 / classes)
    np.testing.assert_allclose(metrics.inception_score(uniform), (1, 0))
    alike = np.eye(classes)[np.zeros(20, int)]
    np.testing.assert_allclose(metrics.inception_score(alike), (1, 0))
    # Two parts by hand: one of two sure answers, one of one.
    parts = np.array([[1.0, 0], [0, 1], [1, 0], [1, 0]])
    assert metrics.inception_score(parts, splits=2) == (1.5, 0.5)
    p = np.array([[0.9, 0.1], [0.4, 0.6]])
    q = p.mean(0)
    divergence = np.mean([np.sum(row * np.log(row / q)) for row in p])
    assert metrics.inception_score(p, splits=1)[0] == pytest.approx(
        np.exp(divergence)
    )


def test_frechet_distance_of_normal_distributions():
    # Samples whose moments are exactly what they should be.
    whitened = RNG.normal(size=(50, 3))
    whitened -= whitened.mean(0)
    whitened @= np.linalg.inv(np.linalg.cholesky(np.cov(whitened.T))).T
    scales, others = np.array([1.0, 2.0, 0.5]), np.array([2.0, 2.0, 3.0])
    shift = np.array([1.0, 0.0, -2.0])
    expected = (shift**2).sum() + ((scales - others) ** 2).sum()
    turn, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    x, y = whitened * scales @ turn, (whitened * others + shift) @ turn
    assert metrics.frechet_distance(x, y) == pytest.approx(expected)
    assert metrics.frechet_distance(y, x) == pytest.approx(expected)
    assert metrics.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_statistics_batch_by_batch():
    features = 1e4 + RNG.normal(size=(37, 4)).astype("float32")
    statistics = metrics.FeatureStatistics()
    for start in range(0, 37, 10):
        statistics.add(features[start : start + 10])
    exact = features.astype("float64")
    np.testing.assert_allclose(statistics.mean, exact.mean(0))
    np.testing.assert_allclose(statistics.covariance, np.cov(exact.T))
    distance = metrics.frechet_distance(statistics, features)
    assert distance == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="4 channels as before"):
        statistics.add(features[:, :3])


def test_fewer_images_than_channels_are_warned_of():
    few = RNG.normal(size=(5, 8))
    with pytest.warns(UserWarning, match="fewer than the 8 channels"):
        distance = metrics.frechet_distance(few, few + 1)
    assert distance == pytest.approx(8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.frechet_distance(few.T, few.T)
        # A channel that is never there lowers the rank too, and harms nothing.
        flat = RNG.normal(size=(20, 3)) * [1, 0, 1]
        distance = metrics.frechet_distance(flat, 2 * flat + [0, 5, 0])
    spread = flat.var(0, ddof=1)
    moved = (flat.mean(0) + [0, 5, 0]) ** 2
    assert distance == pytest.approx(moved.sum() + spread.sum())


def test_kernel_distance_by_loops_and_without_bias():
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3)) + 0.5

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    within = [
        np.mean([kernel(a, b) for a, b in itertools.permutations(z, 2)])
        for z in (x, y)
    ]
    between = np.mean([kernel(a, b) for a in x for b in y])
    seen, deviation = metrics.kernel_distance(x, y, subsets=3)
    assert seen == pytest.approx(sum(within) - 2 * between)
    assert deviation == pytest.approx(0, abs=1e-12)  # All images, each time.
    draws = [
        metrics.kernel_distance(*RNG.normal(size=(2, 10, 3)), subsets=1)[0]
        for _ in range(2000)
    ]
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws)) < 4 * error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.inception_score(np.eye(4)), "each of 10 splits"),
        (lambda: metrics.inception_score(2 * np.eye(4), 1), "sum to 1"),
        (lambda: metrics.inception_score(np.full((4, 2), np.nan), 1), "sum to"),
        (
            lambda: metrics.frechet_distance(np.ones((5, 2)), np.ones((5, 4))),
            "same channels",
        ),
        (
            lambda: metrics.frechet_distance(np.ones((1, 2)), np.ones((3, 2))),
            "at least two images",
        ),
        (
            lambda: metrics.kernel_distance(np.ones((1, 2)), np.ones((3, 2))),
            "at least two images",
        ),
        (
            lambda: metrics.frechet_distance(
                [[1.0, 2], [np.inf, 3]], np.ones((3, 2))
            ),
            "1 infinite, the first of image 1",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
