"""Every legal pair of score and alignment, and every aggregation, in pooling.

What a pair may be is read from the flags of the classes.
"""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores
from keras_attention.layers import AttentionPooling2D

pytestmark = pytest.mark.computing


def flagged(axis, flag):
    """The keys of an axis whose class has the flag set."""
    return [key for key in axis.available() if getattr(axis.get(key), flag)]


POOLING = sorted(
    {*aggregations.available()} - {*flagged(aggregations, "keeps_positions")}
)
POSITIVE_SCORES = flagged(scores, "positive_scores")
FOR_POSITIVE_SCORES = flagged(alignments, "positive_scores")
SIZED = flagged(scores, "needs_static_size")
PAIRS = [
    (score, alignment)
    for score in scores.available()
    for alignment in alignments.available()
    if score in POSITIVE_SCORES or alignment not in FOR_POSITIVE_SCORES
]
GRID = (3, 4)


@pytest.fixture(scope="module")
def arrays():
    """Features with NaN where the mask is false, the mask, a query."""
    rng = np.random.default_rng(0)
    mask = rng.random((3, *GRID)) < 0.6
    mask[-1] = False
    features = rng.normal(size=(3, *GRID, 4)).astype("float32")
    features[~mask] = np.nan
    return features, mask, rng.normal(size=(3, 5)).astype("float32")


def pool(score, alignment, aggregation="weighted_sum", **config):
    return AttentionPooling2D(
        score, alignment, aggregation, num_heads=2, key_dim=3, **config
    )


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def composed(layer, features, mask, queries):
    """Context and weights of the parts, called one by one."""
    tokens = np.where(mask[..., None], features, 0).reshape(3, 12, 4)
    extra = {}
    if layer.alignment.needs_grid:
        extra["grid_shape"] = GRID
    if layer.alignment.needs_query:
        extra["query"] = queries
    e = layer.score(queries, tokens)
    w = layer.alignment(e, mask=mask.reshape(3, 1, 1, 12), **extra)
    extra = {"query": queries} if layer.aggregation.needs_query else {}
    return numpy(layer.aggregation(w, tokens, **extra)), numpy(w)


def walk(arrays, layer, learned):
    """Calls a layer and compares it with its parts; returns the weights."""
    features, mask, query = arrays
    inputs = [features] if learned else [features, query]
    context, weights = map(
        numpy, layer(*inputs, mask=mask, return_attention_scores=True)
    )
    queries = numpy(layer.learned_query)[None] if learned else query[:, None]
    expected, w = composed(layer, features, mask, queries)
    np.testing.assert_allclose(context, expected[:, 0], atol=1e-6)
    heads = 4 if layer.alignment.per_channel else 2
    np.testing.assert_allclose(
        weights, w.reshape(3, heads, *GRID), rtol=1e-6, atol=1e-7
    )
    shapes = layer.compute_output_shape(
        *[x.shape for x in inputs], return_attention_scores=True
    )
    assert shapes == (context.shape, weights.shape)
    assert np.isfinite(context).all()
    return weights


def one_of_each():
    """The parts in a few pools: every score, alignment, aggregation once.

    The scores meet the sigmoid: of positions that compete, weights that add
    the same to all scores would have no gradient.
    """
    for score in scores.available():
        yield score, "sigmoid", "weighted_sum"
    for alignment in alignments.available():
        positive = alignment in FOR_POSITIVE_SCORES
        score = POSITIVE_SCORES[0] if positive else "general"
        yield score, alignment, "weighted_sum"
    for aggregation in POOLING:
        yield "general", "softmax", aggregation


CHOSEN = {parts[:2] for parts in one_of_each()}


@not_on_jax
@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(
            pair,
            marks=[] if pair in CHOSEN else pytest.mark.long,
            id="-".join(pair),
        )
        for pair in PAIRS
    ],
)
def test_pooling_is_the_walk(arrays, pair):
    _, mask, _ = arrays
    layer = pool(*pair)
    weights = walk(arrays, layer, learned=PAIRS.index(pair) % 2 == 0)
    hidden = weights.transpose(0, 2, 3, 1)[~mask]
    assert (hidden == 0).all()
    assert (weights >= 0).all() and (weights <= 1 + 1e-6).all()
    if layer.alignment.normalized:
        sums = weights.sum((2, 3))
        np.testing.assert_allclose(sums[:2], 1, atol=1e-6)
    config = layer.get_config()
    assert AttentionPooling2D.from_config(config).get_config() == config


@pytest.mark.parametrize("learned", [True, False], ids=["learned", "vector"])
@pytest.mark.parametrize("aggregation", POOLING)
def test_every_aggregation_pools(arrays, aggregation, learned):
    walk(arrays, pool("additive", "softmax", aggregation), learned)


each_of_all = pytest.mark.parametrize(
    "parts", sorted(set(one_of_each())), ids="-".join
)


@not_on_jax
@each_of_all
def test_a_copy_computes_the_same(arrays, parts):
    features, mask, query = arrays
    layer = pool(*parts)
    context = numpy(layer(features, query, mask=mask))
    again = AttentionPooling2D.from_config(layer.get_config())
    again.build(features.shape, query.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        numpy(again(features, query, mask=mask)), context
    )


@pytest.fixture(scope="module")
def trained(arrays):
    """By parts: `{path: change}` of the weights in one step, in one model."""
    features, mask, query = arrays
    features = np.nan_to_num(features, nan=1e3)
    inputs = [
        keras.Input(features.shape[1:]),
        keras.Input(query.shape[1:]),
        keras.Input(GRID, dtype="bool"),
    ]
    layers, outputs = {}, []
    for parts in set(one_of_each()):
        for learned in (True, False):
            layer = pool(*parts)
            given = inputs[:1] if learned else inputs[:2]
            outputs.append(layer(*given, mask=inputs[2]))
            layers.setdefault(parts, []).append(layer)
    model = keras.Model(inputs, keras.layers.Concatenate()(outputs))
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda direction, y: keras.ops.sum(direction * y),
        # Op by op is quicker for one step, but JAX compiles each op.
        run_eagerly=keras.backend.backend() != "jax",
    )
    weights = {
        parts: [w for layer in some for w in layer.trainable_weights]
        for parts, some in layers.items()
    }
    before = {
        parts: [numpy(w).copy() for w in some]
        for parts, some in weights.items()
    }
    rng = np.random.default_rng(1)
    direction = rng.normal(size=(3, model.output_shape[-1]))
    with alignments.recorded_draws():
        model.train_on_batch([features, query, mask], direction)
    return {
        parts: {
            weight.path: numpy(weight) - old
            for weight, old in zip(some, before[parts], strict=True)
        }
        for parts, some in weights.items()
    }


@not_on_jax
@each_of_all
def test_every_weight_has_a_finite_gradient(trained, parts):
    assert trained[parts]
    for path, change in trained[parts].items():
        assert np.isfinite(change).all(), path
        if passes_gradients(parts[1]) or "/alignment/" in path:
            assert np.abs(change).max() > 1e-6, path


def passes_gradients(alignment):
    """Whether the scores learn from the loss alone, without REINFORCE."""
    return not alignments.get(alignment).needs_reinforce


@pytest.mark.parametrize("score", SIZED)
@pytest.mark.parametrize("size", [(None, None), (3, None), (None, 4)])
def test_unknown_size_of_map(score, size):
    layer = AttentionPooling2D(score)
    with pytest.raises(ValueError, match="height=.* and width=None|=None and"):
        layer(keras.Input((*size, 4)))


@pytest.mark.parametrize("score", SIZED)
def test_another_size_of_map(score):
    layer = AttentionPooling2D(score)
    layer(np.ones((2, 3, 4, 4)))
    for features in (np.ones((2, 3, 5, 4)), keras.Input((3, 5, 4))):
        with pytest.raises(ValueError, match="12 positions.*15, 4"):
            layer(features)
    with pytest.raises(ValueError, match="height=None"):
        layer(keras.Input((None, 4, 4)))


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="elsewhere sizes are known in every graph",
)
def test_all_others_take_maps_of_any_size():
    import tensorflow as tf

    inputs = keras.Input((None, None, 4))
    chosen = [
        parts for parts in sorted(set(one_of_each())) if parts[0] not in SIZED
    ]
    layers = [pool(*parts, num_queries=2) for parts in chosen]
    model = keras.Model(inputs, [layer(inputs) for layer in layers])
    # One graph for all sizes.
    unknown = tf.TensorSpec((None, None, None, 4))
    call = tf.function(model, input_signature=[unknown])
    for size in ((3, 4), (5, 2)):
        features = np.random.default_rng(0).normal(size=(2, *size, 4))
        features = features.astype("float32")
        results = call(keras.ops.convert_to_tensor(features))
        for parts, layer, seen in zip(chosen, layers, results, strict=True):
            np.testing.assert_allclose(
                numpy(seen),
                numpy(layer(features)),
                atol=1e-5,
                err_msg="-".join(parts),
            )
