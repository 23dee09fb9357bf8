"""Every score with every alignment and every pooling aggregation."""

import itertools

import keras
import numpy as np
import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores
from keras_attention.layers import AttentionPooling2D

pytestmark = pytest.mark.computing
POOLING = [
    key
    for key in aggregations.available()
    if not aggregations.get(key).keeps_positions
]


def works(score, alignment):
    """Whether the class flags allow the pair."""
    positive = alignments.get(alignment).positive_scores
    return scores.get(score).positive_scores or not positive


PAIRS = [
    pair
    for pair in itertools.product(scores.available(), alignments.available())
    if works(*pair)
]
each_score = pytest.mark.parametrize("score", scores.available())
each_pair = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
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


def pool(pair, aggregation, **config):
    score, alignment = pair
    return AttentionPooling2D(
        score, alignment, aggregation, num_heads=2, key_dim=3, **config
    )


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def composed(layer, features, mask, queries):
    """Context and weights of the parts, called one by one."""
    tokens = np.where(mask[..., None], features, 0).reshape(3, 12, 4)
    e = numpy(layer.score(queries, tokens))
    extra = {}
    if layer.alignment.needs_grid:
        extra["grid_shape"] = GRID
    if layer.alignment.needs_query:
        extra["query"] = queries
    places = mask.reshape(3, 1, 1, 12)
    w = numpy(layer.alignment(e, mask=places, **extra))
    return numpy(layer.aggregation(w, tokens)), w


@each_pair
@pytest.mark.parametrize("aggregation", POOLING)
@pytest.mark.parametrize("learned", [True, False], ids=["learned", "vector"])
def test_pooling_is_the_walk(arrays, pair, aggregation, learned):
    features, mask, query = arrays
    layer = pool(pair, aggregation)
    inputs = [features] if learned else [features, query]
    arguments = {"mask": mask, "return_attention_scores": True}
    context, weights = map(numpy, layer(*inputs, **arguments))
    queries = numpy(layer.learned_query)[None] if learned else query[:, None]
    expected, w = composed(layer, features, mask, queries)
    np.testing.assert_allclose(context, expected[:, 0], atol=1e-6)
    np.testing.assert_allclose(
        weights, w.reshape(3, 2, *GRID), rtol=1e-6, atol=1e-7
    )
    assert np.isfinite(context).all() and (weights >= 0).all()
    hidden = weights.transpose(0, 2, 3, 1)[~mask]
    assert (hidden == 0).all() and (weights <= 1 + 1e-6).all()
    if layer.alignment.normalized:
        sums = weights.sum((2, 3))
        np.testing.assert_allclose(sums[:2], 1, atol=1e-6)

    again = AttentionPooling2D.from_config(layer.get_config())
    again.build(*[array.shape for array in inputs])
    again.set_weights(layer.get_weights())
    for seen, before in zip(
        again(*inputs, **arguments), (context, weights), strict=True
    ):
        np.testing.assert_array_equal(numpy(seen), before)


@pytest.fixture(scope="module")
def trained(arrays):
    """By score: the layers of a model, and their weights around one step."""
    features, mask, query = arrays
    features, query = (np.nan_to_num(x, nan=1e3) for x in (features, query))

    def train(score):
        inputs = [
            keras.Input(features.shape[1:]),
            keras.Input(query.shape[1:]),
            keras.Input(GRID, dtype="bool"),
        ]
        pools, outputs = [], []
        for pair, aggregation in itertools.product(PAIRS, POOLING):
            for learned in (True, False):
                if pair[0] == score:
                    layer = pool(pair, aggregation)
                    arguments = inputs[:1] if learned else inputs[:2]
                    outputs.append(layer(*arguments, mask=inputs[2]))
                    pools.append((pair, learned, layer))
        model = keras.Model(inputs, keras.layers.Concatenate()(outputs))
        model.compile(
            keras.optimizers.SGD(1.0),
            lambda direction, y: keras.ops.sum(direction * y),
            run_eagerly=True,
        )
        before = [
            [numpy(w).copy() for w in layer.trainable_weights]
            for _, _, layer in pools
        ]
        direction = np.random.default_rng(1).normal(
            size=(3, model.output_shape[-1])
        )
        model.train_on_batch([features, query, mask], direction)
        return list(zip(pools, before, strict=True))

    return {score: train(score) for score in scores.available()}


def has_gradient(score, alignment, path):
    """Whether mathematics gives the weight a gradient."""
    # Positions that compete see no number that is added to all their scores,
    # and the query of the parametrized score is one.
    competing = alignments.get(alignment).normalized
    return not (score == "parametrized" and competing and "query" in path)


@each_score
def test_every_weight_has_a_finite_gradient(trained, score):
    assert trained[score]
    for ((_, alignment), learned, layer), before in trained[score]:
        for weight, old in zip(layer.trainable_weights, before, strict=True):
            name = f"{alignment}, learned={learned}: {weight.path}"
            change = numpy(weight) - old
            assert np.isfinite(change).all(), name
            if has_gradient(score, alignment, weight.path):
                assert np.abs(change).max() > 1e-6, name


SIZED = [key for key in scores.available() if scores.get(key).needs_static_size]


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


@pytest.mark.parametrize("key", sorted({*scores.available()} - {*SIZED}))
def test_other_scores_take_any_size(key):
    model = keras.Sequential(
        [keras.Input((None, None, 4)), AttentionPooling2D(key, key_dim=3)]
    )
    for size in ((3, 4), (5, 2)):
        assert model(np.ones((2, *size, 4))).shape == (2, 4)
