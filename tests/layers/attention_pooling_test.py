"""Pooling: learned and given queries, heads, masks, and what it refuses."""

import keras
import numpy as np
import pytest

from keras_attention import aggregations
from keras_attention import scores
from keras_attention.layers import AttentionPooling2D
from keras_attention.layers import CrossAttention2D

pytestmark = pytest.mark.computing


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 4, 5, 8)).astype("float32")


def test_equals_its_parts(features):
    query = np.random.default_rng(1).normal(size=(2, 6)).astype("float32")
    layer = AttentionPooling2D(num_heads=2, key_dim=3)
    context, weights = layer(features, query, return_attention_scores=True)
    tokens = features.reshape(2, 20, 8)
    expected = scores.get("additive", num_heads=2, key_dim=3)
    expected.build((2, 1, 6), tokens.shape)
    expected.set_weights(layer.score.get_weights())
    e = keras.ops.convert_to_numpy(expected(query[:, None], tokens))
    w = np.exp(e) / np.exp(e).sum(-1, keepdims=True)  # (b, h, 1, n)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights), w.reshape(2, 2, 4, 5), atol=1e-5
    )
    values = tokens.reshape(2, 20, 2, 4)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(context),
        np.einsum("bhqn,bnhd->bqhd", w, values).reshape(2, 8),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    "arguments, query_shape, queries",
    [
        ({}, None, ()),
        ({"num_queries": 1}, None, (1,)),
        ({"num_queries": 3}, None, (3,)),
        ({}, (2, 8), ()),
        ({}, (2, 1, 8), (1,)),
        ({}, (2, 3, 8), (3,)),
    ],
)
def test_rank_follows_from_the_arguments(
    features, arguments, query_shape, queries
):
    args = () if query_shape is None else (np.ones(query_shape, "float32"),)
    layer = AttentionPooling2D(num_heads=2, **arguments)
    context, weights = layer(features, *args, return_attention_scores=True)
    assert tuple(context.shape) == (2, *queries, 8)
    assert tuple(weights.shape) == (2, 2, *queries, 4, 5)


@pytest.mark.parametrize(
    "aggregation, arguments, query_shape, shape",
    [
        ("multi_map", {}, None, (2, 16)),
        ("multi_map", {"num_queries": 3}, None, (2, 3, 16)),
        (aggregations.get("merge_heads", output_dim=5), {}, (2, 8), (2, 5)),
        ("merge_heads", {}, (2, 3, 8), (2, 3, 8)),
        ("concat_query", {}, None, (2, 8)),
        ("concat_query", {"key_dim": 4}, (2, 6), (2, 6)),
        ("concat_query", {"key_dim": 4}, (2, 3, 6), (2, 3, 6)),
        (aggregations.get("concat_query", output_dim=4), {}, None, (2, 4)),
    ],
)
def test_the_aggregation_decides_the_channels(
    features, aggregation, arguments, query_shape, shape
):
    layer = AttentionPooling2D(
        aggregation=aggregation, num_heads=2, **arguments
    )
    shapes = [features.shape]
    shapes += [] if query_shape is None else [query_shape]
    assert layer.compute_output_shape(*shapes) == shape  # before it is built
    context = layer(*[np.ones(x, "float32") for x in shapes])
    assert tuple(context.shape) == layer.compute_output_shape(*shapes) == shape


def test_merge_heads_is_multi_head_attention(features):
    query = np.random.default_rng(1).normal(size=(2, 3, 8)).astype("float32")
    cross = CrossAttention2D(num_heads=2, use_bias=False)
    expected = cross(features, query)
    layer = AttentionPooling2D(
        "scaled_dot",
        aggregation=aggregations.get("merge_heads", use_bias=False),
        num_heads=2,
        key_dim=4,
    )
    layer.build(features.shape, query.shape)
    layer.set_weights(cross.get_weights())
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(features, query)),
        keras.ops.convert_to_numpy(expected),
        atol=1e-6,
    )


def test_mask_equals_leaving_out(features):
    layer = AttentionPooling2D(key_dim=4)
    mask = np.zeros((2, 4, 5), bool)
    mask[:, :2] = True
    masked, weights = layer(features, mask=mask, return_attention_scores=True)
    left_out = layer(features[:, :2])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(masked),
        keras.ops.convert_to_numpy(left_out),
        atol=1e-6,
    )
    assert (keras.ops.convert_to_numpy(weights)[:, :, 2:] == 0).all()


def test_dropout_is_for_training_only(features):
    layer = AttentionPooling2D(dropout=0.5, seed=1)
    call = lambda **kwargs: keras.ops.convert_to_numpy(  # noqa: E731
        layer(features, **kwargs)
    )
    np.testing.assert_array_equal(call(), call())
    assert np.abs(call(training=True) - call(training=True)).max() > 0
    assert len(layer.non_trainable_variables) == 1  # the seed generator


@pytest.mark.parametrize(
    "arguments, query, message",
    [
        ({"num_heads": 3}, None, "8 channels and num_heads=3"),
        ({"num_heads": 3, "key_dim": 4}, None, "8 channels and 3 heads"),
        ({"num_queries": 0}, None, "num_queries=0"),
        ({"dropout": 1.0}, None, "dropout=1.0"),
        ({"aggregation": "gate"}, None, "or AttentionGate2D"),
        ({"score": "aditive"}, None, "Did you mean 'additive'"),
        ({"identity_init": True}, None, "keeps the shape"),
        ({"num_queries": 2}, (2, 8), "takes no query as configured"),
        ({}, (2, 2, 2, 8), "query of shape \\(2, 2, 2, 8\\)"),
        ({"score": "dot"}, (2, 6), "Set key_dim"),
        (
            {"score": scores.get("dot", num_heads=2), "num_heads": 4},
            None,
            "brings its own num_heads",
        ),
    ],
)
def test_bad_input(features, arguments, query, message):
    with pytest.raises(ValueError, match=message):
        layer = AttentionPooling2D(**arguments)
        args = () if query is None else (np.ones(query, "float32"),)
        layer(features, *args)


@pytest.mark.parametrize("shape", [(2, 20), (2, 5, 4), (2, 4, 5, 1)])
def test_bad_mask(features, shape):
    with pytest.raises(ValueError, match=r"mask of shape.*map of \(4, 5\)"):
        AttentionPooling2D()(features, mask=np.ones(shape, bool))


def test_a_query_is_given_always_or_never(features):
    query = np.ones((2, 8), "float32")
    without, with_query = AttentionPooling2D(), AttentionPooling2D()
    without(features)
    with pytest.raises(ValueError, match="built without.*called with one"):
        without(features, query)
    with_query(features, query)
    with pytest.raises(ValueError, match="built with a.*called without one"):
        with_query(features)


def test_a_score_given_to_two_layers_is_copied(features):
    score = scores.get("additive", key_dim=3)
    layers = [AttentionPooling2D(score) for _ in range(2)]
    for layer in layers:
        layer(features)
    assert layers[0].score is not layers[1].score and not score.built


def test_parts_must_be_of_their_kind():
    with pytest.raises(ValueError, match="score is a layer of class Score"):
        AttentionPooling2D(score=keras.layers.Dense(3))
    with pytest.raises(ValueError, match="is a layer of class Alignment"):
        AttentionPooling2D(alignment=scores.get("dot"))
