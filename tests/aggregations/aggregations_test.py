"""Every aggregation against NumPy."""

import keras
import numpy as np
import pytest

from keras_attention import aggregations

pytestmark = pytest.mark.computing


NEEDS_QUERY = [
    key for key in aggregations.available() if aggregations.get(key).needs_query
]
each_key = pytest.mark.parametrize("key", aggregations.available())


def aggregate(key, *inputs, **config):
    context = aggregations.get(key, **config)(*inputs)
    return keras.ops.convert_to_numpy(context)


def randomized(layer, *inputs):
    """The layer, built, with no weight at its initial value."""
    layer.build(*(x.shape for x in inputs))
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


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


@pytest.mark.parametrize("queries", [1, 3])
def test_multi_map_is_the_weighted_sum_of_every_head(features, queries):
    weights = random_weights(3, queries)  # 3 heads do not divide 8 channels
    expected = np.einsum("bhqn,bnc->bqhc", weights, features)
    context = aggregate("multi_map", weights, features)
    np.testing.assert_allclose(
        context, expected.reshape(2, queries, 24), atol=1e-5
    )
    single = aggregate("weighted_sum", weights[:, 1:2], features)
    np.testing.assert_allclose(context[..., 8:16], single, atol=1e-6)


@pytest.mark.parametrize(
    "config",
    [{}, {"use_bias": False}, {"value_dim": 3, "output_dim": 5}],
    ids=str,
)
def test_merge_heads(features, config):
    weights = random_weights(2, 3)
    layer = aggregations.get("merge_heads", **config)
    randomized(layer, weights, features)
    arrays = layer.get_weights()
    if config.get("use_bias", True):
        w_v, b_v, w_o, b_o = arrays
    else:
        (w_v, w_o), b_v, b_o = arrays, 0, 0
    values = (features @ w_v + b_v).reshape(2, 5, 2, -1)
    heads = np.einsum("bhqn,bnhd->bqhd", weights, values)
    expected = heads.reshape(2, 3, -1) @ w_o + b_o
    assert expected.shape[-1] == config.get("output_dim", 8)
    context = keras.ops.convert_to_numpy(layer(weights, features))
    np.testing.assert_allclose(context, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    "config",
    [{}, {"output_dim": 4, "use_bias": True}, {"activation": "linear"}],
    ids=str,
)
def test_concat_query(features, config, shared):
    weights = random_weights(2, 3)
    query = np.random.default_rng(2).normal(size=(1 if shared else 2, 3, 6))
    layer = aggregations.get("concat_query", **config)
    randomized(layer, weights, features, query)
    kernel, *bias = layer.get_weights()
    context = aggregate("weighted_sum", weights, features)
    both = np.concatenate([context, np.tile(query, (2 // len(query), 1, 1))], 2)
    expected = both @ kernel + (bias[0] if bias else 0)
    if "activation" not in config:
        expected = np.tanh(expected)
    assert expected.shape[-1] == config.get("output_dim", 6)
    context = keras.ops.convert_to_numpy(layer(weights, features, query=query))
    np.testing.assert_allclose(context, expected, rtol=1e-5, atol=1e-4)


@each_key
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "float64"])
def test_the_symbolic_spec_equals_the_eager_result(features, key, policy):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is switched on")
    layer = aggregations.get(key, dtype=policy)
    arrays = [random_weights(2, 1), features]
    if layer.needs_query:
        arrays.append(np.ones((2, 1, 6), "float32"))
    dtypes = ["float32", *[layer.compute_dtype] * (len(arrays) - 1)]
    seen = layer(
        *[keras.ops.cast(a, d) for a, d in zip(arrays, dtypes, strict=True)]
    )
    spec = layer.compute_output_spec(*map(keras.KerasTensor, shapes(arrays)))
    assert tuple(seen.shape) == spec.shape
    assert keras.backend.standardize_dtype(seen.dtype) == spec.dtype
    assert spec.dtype == layer.compute_dtype
    unbuilt = aggregations.get(key).compute_output_shape(*shapes(arrays))
    assert unbuilt == spec.shape


def shapes(arrays):
    return [array.shape for array in arrays]


@each_key
def test_saved_and_loaded(features, key):
    layer = aggregations.get(key)
    arrays = [random_weights(2, 1), features]
    arrays += [np.ones((2, 1, 6), "float32")] * layer.needs_query
    randomized(layer, *arrays)
    again = aggregations.get(aggregations.serialize(layer))
    again.build(*shapes(arrays))
    again.set_weights(layer.get_weights())
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(again(*arrays)),
        keras.ops.convert_to_numpy(layer(*arrays)),
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


@pytest.mark.parametrize("key", ["weighted_sum", "gated_mean", "multi_map"])
def test_large_maps_in_half_precision(key):
    positions = 2**16
    share = 0.01 if key == "gated_mean" else 1 / positions
    weights = np.full((1, 1, 1, positions), share, "float32")
    features = np.ones((1, positions, 2), "float16")
    layer = aggregations.get(key, dtype="mixed_float16")
    context = keras.ops.convert_to_numpy(layer(weights, features))
    expected = 0.01 if key == "gated_mean" else 1
    np.testing.assert_allclose(context, expected, rtol=1e-2)


def test_bad_input(features):
    with pytest.raises(ValueError, match="8 channels and 3 heads"):
        aggregate("weighted_sum", random_weights(3, 1), features)
    with pytest.raises(ValueError, match="one query.*3 queries"):
        aggregate("gate", random_weights(1, 3), features)
    with pytest.raises(ValueError, match="value_dim is None.*8 cha.*3 heads"):
        aggregate("merge_heads", random_weights(3, 1), features)
    assert aggregate(
        "merge_heads", random_weights(3, 1), features, value_dim=2
    ).shape == (2, 1, 8)


@pytest.mark.parametrize(
    ("key", "argument", "value"),
    [
        ("merge_heads", "value_dim", 0),
        ("merge_heads", "output_dim", 2.5),
        ("merge_heads", "use_bias", None),
        ("concat_query", "output_dim", -1),
        ("concat_query", "use_bias", "no"),
        ("concat_query", "activation", "tahn"),
        ("multi_map", "heads", 2),
    ],
)
def test_bad_arguments(key, argument, value):
    with pytest.raises(
        ValueError, match=argument if value != "tahn" else value
    ):
        aggregations.get(key, **{argument: value})


def test_a_query_must_be_given(features):
    for key in NEEDS_QUERY:
        with pytest.raises(ValueError, match="Received: no query"):
            aggregations.get(key)(random_weights(1, 1), features)
