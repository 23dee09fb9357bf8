"""Means and maxima of channels under masks."""

import keras
import numpy as np
import pytest

from keras_attention.layers.channel_statistics import global_max
from keras_attention.layers.channel_statistics import global_mean
from keras_attention.ops import hide_masked

pytestmark = pytest.mark.computing
STATISTICS = [(global_mean, np.mean), (global_max, np.max)]


def compute(statistic, features, mask=None):
    features, _ = hide_masked(features, mask)
    return keras.ops.convert_to_numpy(statistic(features, mask))


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    # All negative: a masked place that counts as 0 would be the maximum.
    return -1 - np.abs(rng.normal(size=(3, 4, 5, 6))).astype("float32")


@pytest.mark.parametrize(("statistic", "expected"), STATISTICS)
def test_equals_numpy(statistic, expected, features):
    seen = compute(statistic, features)
    np.testing.assert_allclose(seen, expected(features, (1, 2)), rtol=1e-6)


@pytest.mark.parametrize("hidden", [0.0, 100.0, np.nan])
@pytest.mark.parametrize(("statistic", "expected"), STATISTICS)
def test_masked_places_do_not_count(statistic, expected, hidden, features):
    mask = np.random.default_rng(1).random((3, 4, 5)) < 0.5
    mask[1] = False
    mask[2] = True
    seen = compute(statistic, np.where(mask[..., None], features, hidden), mask)
    for image in (0, 2):
        valid = features[image][mask[image]]  # (n, c)
        np.testing.assert_allclose(seen[image], expected(valid, 0), rtol=1e-6)
    np.testing.assert_array_equal(seen[1], 0)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("statistic", "_"), STATISTICS)
def test_half_precision_does_not_overflow(statistic, _, masked):
    features = np.full((1, 64, 64, 2), 1000, "float16")
    mask = np.ones((1, 64, 64), bool) if masked else None
    seen = compute(statistic, features, mask)
    assert seen.dtype == "float32"
    np.testing.assert_array_equal(seen, 1000)
