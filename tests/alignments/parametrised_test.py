"""Alignments with arguments of their own: entmax, top-k, multi-dimensional."""

import keras
import numpy as np
import pytest
from gradients import gradients

from keras_attention import alignments
from keras_attention import scores as score_layers

pytestmark = pytest.mark.computing


def align(alignment, scores, mask=None, **extra):
    scores = keras.ops.convert_to_tensor(scores, "float32")
    weights = alignment(scores, mask=mask, **extra)
    return keras.ops.convert_to_numpy(weights)


@pytest.fixture
def some_scores():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 9)) * 3


@pytest.mark.parametrize("alpha", [1.33, 1.8])
def test_learned_alpha_starts_as_the_fixed_one(some_scores, alpha):
    learned = alignments.get("entmax", alpha=alpha, learnable_alpha=True)
    seen = align(learned, some_scores)
    expected = align(alignments.get("entmax", alpha=alpha), some_scores)
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    (weight,) = learned.trainable_variables
    assert weight.shape == (3, 1, 1)


def test_every_head_learns_its_alpha_and_stays_above_one(some_scores):
    layer = alignments.get("entmax", learnable_alpha=True)
    align(layer, some_scores)
    logits = np.array([-100.0, 0.0, 100.0], "float32").reshape(3, 1, 1)
    layer.set_weights([logits])
    seen = align(layer, some_scores)
    for head, key in enumerate(["softmax", "entmax15", "sparsemax"]):
        expected = align(alignments.get(key), some_scores)[:, head]
        np.testing.assert_allclose(seen[:, head], expected, atol=5e-3)
    _, (slope,) = gradients(
        lambda x: layer.stateless_call([x], [], some_scores)[0],
        [np.zeros((3, 1, 1), "float32")],
        some_scores,
    )
    assert (np.abs(slope) > 1e-4).all()


@pytest.mark.parametrize("alpha", [1, 0.5, -1, 5, np.nan, np.inf, "2", True])
def test_bad_alpha(alpha):
    with pytest.raises(ValueError, match="alpha="):
        alignments.get("entmax", alpha=alpha)


def test_bad_learned_alpha():
    with pytest.raises(ValueError, match=r"below 2.* alpha=2"):
        alignments.get("entmax", alpha=2, learnable_alpha=True)
    with pytest.raises(ValueError, match="learnable_alpha="):
        alignments.get("entmax", learnable_alpha="yes")


def test_top_k_is_a_softmax_over_the_best(some_scores):
    weights = align(alignments.get("top_k", k=4), some_scores)
    lowest = np.sort(some_scores, -1)[..., -4:-3]
    kept = some_scores >= lowest
    assert (kept.sum(-1) == 4).all()
    expected = align(alignments.get("softmax"), some_scores, kept)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    everything = align(alignments.get("top_k", k=9), some_scores)
    softmax = align(alignments.get("softmax"), some_scores)
    np.testing.assert_allclose(everything, softmax, atol=1e-6)


def test_top_k_has_a_gradient_where_it_looks(some_scores):
    layer = alignments.get("top_k", k=3)
    direction = np.random.default_rng(1).normal(size=some_scores.shape)
    weights, (slope,) = gradients(
        layer, [some_scores.astype("float32")], direction
    )
    np.testing.assert_array_equal(slope != 0, weights > 0)


@pytest.mark.parametrize(
    "row, mask, k, expected",
    [
        ([1, 1, 0], None, 1, [0.5, 0.5, 0]),
        ([2, 1, 1], None, 2, [0.5761, 0.2119, 0.2119]),
        ([9, 0, 0], [False, True, True], 2, [0, 0.5, 0.5]),
        ([9, 9, 0], [False, False, True], 2, [0, 0, 1]),
        ([9, 9, 9], [False, False, False], 2, [0, 0, 0]),
        ([-np.inf, -np.inf, 0], None, 2, [0, 0, 1]),
    ],
)
def test_top_k_of_few(row, mask, k, expected):
    mask = None if mask is None else np.array(mask)
    weights = align(alignments.get("top_k", k=k), [[[row]]], mask)
    np.testing.assert_allclose(weights[0, 0, 0], expected, atol=1e-4)


@pytest.mark.parametrize("k", [0, -1, 1.5, None, True, "3"])
def test_bad_k(k):
    with pytest.raises(ValueError, match="k="):
        alignments.get("top_k", k=k)


def test_more_than_there_are_positions():
    with pytest.raises(ValueError, match=r"at most 3.* k=4"):
        alignments.get("top_k", k=4).build((2, 1, 1, 3))
    # Where the map is only known at run time, all its positions are taken.
    inputs = keras.Input((1, 1, None))
    model = keras.Model(inputs, alignments.get("top_k", k=4)(inputs))
    scores = np.array([[[[-2.0, 0.0, 0.5]]]], "float32")
    seen = model.predict(scores, verbose=0)
    np.testing.assert_allclose(
        seen, align(alignments.get("softmax"), scores), atol=1e-6
    )


def test_multi_dim_softmax_is_the_formula(some_scores):
    layer = alignments.get("multi_dim_softmax")
    layer.build_inside((2, 3, 4, 9), None, (2, 9, 5))
    mask = np.arange(9).reshape(1, 1, 1, 9) < 7
    seen = align(layer, some_scores, mask)
    (matrix,) = layer.get_weights()
    mixed = np.einsum("bhqn,hc->bcqn", some_scores, matrix)
    powers = np.exp(mixed) * mask
    expected = powers / powers.sum(-1, keepdims=True)
    assert seen.shape == (2, 5, 4, 9) and seen.dtype == "float32"
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-6)


def test_multi_dim_softmax_of_additive_scores_is_the_paper():
    rng = np.random.default_rng(0)
    query, features = rng.normal(size=(2, 1, 3)), rng.normal(size=(2, 9, 5))
    score = score_layers.get("additive", num_heads=4, key_dim=1)
    layer = alignments.get("multi_dim_softmax", channels=5)
    query, features = query.astype("float32"), features.astype("float32")
    seen = keras.ops.convert_to_numpy(layer(score(query, features)))
    weights = {
        w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w)
        for w in score.weights
    }
    w_1, bias, w_2, vector = (
        weights[name]
        for name in ("query/kernel", "query/bias", "key/kernel", "vector")
    )
    hidden = np.tanh(query @ w_1 + bias + features @ w_2)  # (b, n, a)
    w_d = vector * layer.get_weights()[0]  # (a, c)
    powers = np.exp(hidden @ w_d)
    expected = (powers / powers.sum(1, keepdims=True)).transpose(0, 2, 1)
    np.testing.assert_allclose(seen[:, :, 0], expected, atol=1e-6)


def test_bad_channels():
    get = alignments.get
    with pytest.raises(ValueError, match="channels="):
        get("multi_dim_softmax", channels=0)
    with pytest.raises(ValueError, match=r"set channels.*channels=None"):
        get("multi_dim_softmax").build((2, 3, 1, 9))
    with pytest.raises(ValueError, match=r"expected 5.* channels=4"):
        get("multi_dim_softmax", channels=4).build_inside(
            (2, 3, 1, 9), None, (2, 9, 5)
        )
    with pytest.raises(ValueError, match="same for all"):
        align(
            get("multi_dim_softmax", channels=4),
            np.zeros((2, 3, 1, 9)),
            np.ones((2, 3, 1, 9), bool),
        )
