"""Every aggregation against NumPy."""

import keras
import numpy as np
import pytest

from keras_attention import aggregations

pytestmark = pytest.mark.computing


def aggregate(key, weights, features):
    context = aggregations.get(key)(weights, features)
    return keras.ops.convert_to_numpy(context)


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def random_weights(heads, queries):
    rng = np.random.default_rng(1)
    return rng.uniform(size=(2, heads, queries, 5)).astype("float32")


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("queries", [1, 3])
def test_sum_and_mean(features, heads, queries):
    weights = random_weights(heads, queries)
    values = features.reshape(2, 5, heads, 8 // heads)
    expected = np.einsum("bhqn,bnhd->bqhd", weights, values)
    expected = expected.reshape(2, queries, 8)
    np.testing.assert_allclose(
        aggregate("weighted_sum", weights, features), expected, atol=1e-5
    )
    np.testing.assert_allclose(
        aggregate("gated_mean", weights, features), expected / 5, atol=1e-5
    )


@pytest.mark.parametrize("heads", [1, 2])
def test_gate(features, heads):
    weights = random_weights(heads, 1)
    scale = np.repeat(weights[:, :, 0].transpose(0, 2, 1), 8 // heads, -1)
    np.testing.assert_allclose(
        aggregate("gate", weights, features), features * scale, atol=1e-6
    )


def test_uniform_weights_are_global_average_pooling(features):
    weights = np.full((2, 1, 1, 5), 0.2, "float32")
    np.testing.assert_allclose(
        aggregate("weighted_sum", weights, features)[:, 0],
        features.mean(1),
        atol=1e-6,
    )


def test_context_has_the_compute_dtype(features):
    layer = aggregations.get("weighted_sum", dtype="mixed_bfloat16")
    context = layer(random_weights(1, 1), features)
    assert keras.backend.standardize_dtype(context.dtype) == "bfloat16"


@pytest.mark.parametrize("key", ["weighted_sum", "gated_mean"])
def test_large_maps_in_half_precision(key):
    positions = 2**16
    share = 1 / positions if key == "weighted_sum" else 0.01
    weights = np.full((1, 1, 1, positions), share, "float32")
    features = np.ones((1, positions, 2), "float16")
    layer = aggregations.get(key, dtype="mixed_float16")
    context = keras.ops.convert_to_numpy(layer(weights, features))
    expected = 1 if key == "weighted_sum" else 0.01
    np.testing.assert_allclose(context, expected, rtol=1e-2)


def test_bad_input(features):
    with pytest.raises(ValueError, match="8 channels and 3 heads"):
        aggregate("weighted_sum", random_weights(3, 1), features)
    with pytest.raises(ValueError, match="one query.*3 queries"):
        aggregate("gate", random_weights(1, 3), features)
