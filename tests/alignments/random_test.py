"""Alignments that draw: Gumbel-softmax, and sampling for REINFORCE."""

import keras
import numpy as np
import pytest
from gradients import gradients

from keras_attention import alignments

pytestmark = pytest.mark.computing
DRAWS = 4000
ROW = np.array([0.5, -1.0, 1.0, 0.0])
MASK = np.array([True, True, False, True])


def probabilities(row, mask=None):
    powers = np.exp(row) * (1 if mask is None else mask)
    return powers / powers.sum()


def many(layer, row=ROW, mask=None, training=True):
    """The weights of many equal rows."""
    scores = np.broadcast_to(row, (DRAWS, 1, 1, len(row))).astype("float32")
    with alignments.recorded_draws():
        weights = layer(scores, mask=mask, training=training)
    return keras.ops.convert_to_numpy(weights)[:, 0, 0]


DRAWING = {
    "sampled": {},
    "gumbel_softmax": {"hard": True},
}


@pytest.mark.parametrize("key", DRAWING)
@pytest.mark.parametrize("masked", [False, True])
def test_draws_follow_the_softmax(key, masked):
    mask = MASK if masked else None
    row = np.where(MASK, ROW, np.nan) if masked else ROW
    layer = alignments.get(key, seed=0, **DRAWING[key])
    weights = many(layer, row, mask)
    np.testing.assert_array_equal(weights.max(-1), 1)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    expected = probabilities(ROW, mask)
    deviation = np.sqrt(expected * (1 - expected) / DRAWS)
    assert (np.abs(weights.mean(0) - expected) <= 4 * deviation + 1e-6).all()


@pytest.mark.parametrize("key", DRAWING)
def test_seeds(key):
    first, second = (
        many(alignments.get(key, seed=7, **DRAWING[key])) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    layer = alignments.get(key, seed=7, **DRAWING[key])
    assert (many(layer) == first).all() and (many(layer) != first).any()


@pytest.mark.parametrize("key", DRAWING)
def test_a_masked_row_draws_nothing(key):
    layer = alignments.get(key, seed=0, **DRAWING[key])
    assert (many(layer, mask=np.zeros(4, bool)) == 0).all()
    assert (many(layer, np.array([3.0]))[:, 0] == 1).all()


def test_gumbel_softmax_is_a_softmax_of_noisy_scores():
    soft = many(alignments.get("gumbel_softmax", seed=0, temperature=0.5))
    assert (soft > 0).all()
    np.testing.assert_allclose(soft.sum(-1), 1, atol=1e-5)
    hard = many(alignments.get("gumbel_softmax", seed=0, hard=True))
    np.testing.assert_array_equal(soft.argmax(-1), hard.argmax(-1))
    # log w_i - log w_j = (e_i - e_j + g_i - g_j) / t: a logistic distribution
    # around (e_i - e_j) / t of variance pi^2 / 3 / t^2.
    ratio = np.log(soft[:, 0] / soft[:, 3])
    deviation = np.pi / np.sqrt(3) / 0.5
    assert abs(ratio.mean() - 1.0) < 4 * deviation / np.sqrt(DRAWS)
    np.testing.assert_allclose(ratio.std(), deviation, rtol=0.1)


def test_no_noise_at_inference():
    scores = np.random.default_rng(0).normal(size=(2, 1, 3, 5))
    layer = alignments.get("gumbel_softmax", temperature=0.5)
    expected = alignments.get("softmax", temperature=0.5)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(scores)),
        keras.ops.convert_to_numpy(expected(scores)),
        atol=1e-6,
    )
    hard = alignments.get("gumbel_softmax", hard=True)(scores)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(hard), np.eye(5)[scores.argmax(-1)]
    )


def test_straight_through_gradient_is_that_of_the_softmax():
    scores = np.random.default_rng(0).normal(size=(2, 1, 3, 5))
    scores = scores.astype("float32")
    direction = np.random.default_rng(1).normal(size=scores.shape)
    slopes = [
        gradients(
            lambda x, hard=hard: alignments.get(
                "gumbel_softmax", hard=hard, seed=3
            )(x, training=True),
            [scores],
            direction,
        )[1][0]
        for hard in (True, False)
    ]
    np.testing.assert_allclose(*slopes, atol=1e-6)
    assert np.abs(slopes[0]).max() > 1e-2


@pytest.mark.parametrize(
    "inference, expected",
    [
        ("argmax", [0, 0, 1, 0]),
        ("mean", probabilities(ROW / 0.5)),
    ],
)
def test_sampled_at_inference(inference, expected):
    layer = alignments.get("sampled", inference=inference, temperature=0.5)
    weights = many(layer, training=False)
    np.testing.assert_allclose(weights[0], expected, atol=1e-6)
    assert (weights == weights[0]).all()


def test_sampled_at_inference_too():
    layer = alignments.get("sampled", inference="sample", seed=0)
    weights = many(layer, training=False)
    assert np.abs(weights.mean(0) - probabilities(ROW)).max() < 0.05
    np.testing.assert_array_equal(weights.max(-1), 1)


@pytest.mark.parametrize("masked", [False, True])
def test_what_is_reported_of_a_draw(masked):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 2, 4, 6)).astype("float32")
    mask = np.ones((3, 1, 1, 6), bool)
    if masked:
        mask[0, ..., 1:3] = False
        mask[1] = False
    layer = alignments.get("sampled", temperature=0.5, seed=0)
    hidden = np.where(mask, scores, np.nan).astype("float32")
    with alignments.recorded_draws() as draws:
        weights = layer(hidden, mask=mask, training=True)
    ((log_prob, entropy),) = draws
    powers = np.exp(scores / 0.5) * mask
    soft = powers / np.maximum(powers.sum(-1, keepdims=True), 1e-9)
    logs = np.log(np.where(soft > 0, soft, 1))
    weights, log_prob, entropy = (
        keras.ops.convert_to_numpy(x) for x in (weights, log_prob, entropy)
    )
    np.testing.assert_allclose(log_prob, (weights * logs).sum(-1), atol=1e-5)
    np.testing.assert_allclose(entropy, -(soft * logs).sum(-1), atol=1e-5)


def test_gradient_of_what_is_reported():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3, 2, 4, 6)).astype("float32")
    scores[0, 0, 0] = [1e30, -1e30, 0, 0, 0, 0]
    mask = np.array([True] * 5 + [False])
    scores[..., 5] = np.nan

    def surprise(scores):
        layer = alignments.get("sampled", seed=0)
        with alignments.recorded_draws() as draws:
            layer(scores, mask=mask, training=True)
        return draws[0].log_prob + 0.1 * draws[0].entropy

    _, (slope,) = gradients(surprise, [scores])
    assert np.isfinite(slope).all() and np.abs(slope).max() > 0.1
    # Probabilities sum to 1, so the gradients of a row sum to 0.
    np.testing.assert_allclose(slope.sum(-1), 0, atol=1e-5)
    assert (slope[..., 5] == 0).all()


def test_some_calls_use_the_mean():
    layer = alignments.get("sampled", sampling_probability=0.5, seed=0)
    scores = np.broadcast_to(ROW, (2, 1, 1, 4)).astype("float32")
    soft = 0
    for _ in range(40):
        with alignments.recorded_draws() as draws:
            weights = layer(scores, training=True)
        weights = keras.ops.convert_to_numpy(weights)
        log_prob = keras.ops.convert_to_numpy(draws[0].log_prob)
        if (weights.max(-1) < 1).all():
            soft += 1
            np.testing.assert_allclose(
                weights[0, 0, 0], probabilities(ROW), atol=1e-6
            )
            assert (log_prob == 0).all()
        else:
            assert (log_prob < 0).all()
    assert 8 < soft < 32


def test_training_needs_somebody_who_listens():
    layer = alignments.get("sampled", name="where")
    with pytest.raises(RuntimeError, match=r"'where'.*ReinforceModel"):
        layer(np.zeros((1, 1, 1, 4)), training=True)
    assert layer.needs_reinforce


@pytest.mark.parametrize(
    "config",
    [
        {"inference": "best"},
        {"sampling_probability": 0},
        {"sampling_probability": 1.5},
    ],
)
def test_bad_arguments(config):
    (name,) = config
    with pytest.raises(ValueError, match=f"{name}="):
        alignments.get("sampled", **config)
    with pytest.raises(ValueError, match="hard="):
        alignments.get("gumbel_softmax", hard=1)
