"""Alignments as distributions: marginals, best guess, samples, entropy."""

import keras
import numpy as np
import pytest
from gradients import at_once
from gradients import not_on_jax

from keras_attention import alignments

pytestmark = pytest.mark.computing
GRID = (2, 3)
DRAWS = 3000


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.fixture
def scores():
    return np.random.default_rng(0).normal(size=(1, 1, 2, 6)).astype("float32")


MASK = np.array([True, True, False, True, True, True])
CONFIGS = {
    "walk of two states": ("chain_crf", {"order": "snake"}),
    "walk of three": ("chain_crf", {"order": "columns", "states": 3}),
    "grid": ("grid_crf", {}),
}


# Elsewhere a walk of two says what one of three says.
EACH = [
    "walk of two states",
    pytest.param("walk of three", marks=pytest.mark.slow),
]


def built(key, config):
    layer = alignments.get(key, **config)
    layer.build((1, 1, 2, 6))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


@pytest.mark.parametrize("name", [*EACH, "grid"])
def test_marginals_and_samples_are_the_weights(scores, name):
    layer = built(*CONFIGS[name])

    @at_once
    def marginals_and_weights(scores):
        view = layer.distribution(scores, MASK, GRID)
        return view.marginals, layer(scores, mask=MASK, grid_shape=GRID)

    marginals, weights = map(numpy, marginals_and_weights(scores))
    np.testing.assert_allclose(marginals, weights, atol=1e-6)
    many = np.broadcast_to(scores, (DRAWS, 1, 2, 6))

    def sample(seed):
        def draw(scores):
            view = layer.distribution(scores, MASK, GRID)
            return view.sample(seed=seed)

        return numpy(at_once(draw)(many))

    samples = sample(3)
    assert samples.dtype == "float32" and (samples[..., ~MASK] == 0).all()
    # A level in [0, 1] varies by at most 1/2 around its mean.
    error = 4.5 * 0.5 / np.sqrt(DRAWS)
    assert np.abs(samples.mean(0) - weights[0]).max() < error
    np.testing.assert_array_equal(samples, sample(3))
    assert (samples != sample(4)).any()


@pytest.mark.parametrize("name", EACH)
def test_the_walk_as_a_whole(scores, name):
    layer = built(*CONFIGS[name])

    @at_once
    def whole(scores):
        view = layer.distribution(scores, MASK, GRID)
        return view.log_partition, view.entropy, view.argmax

    log_partition, entropy, best = map(numpy, whole(scores))
    # By the definition of the entropy, over many samples, and of the best.
    many = np.broadcast_to(scores, (DRAWS, 1, 2, 6))
    draw = at_once(
        lambda many: layer.distribution(many, MASK, GRID).sample(seed=5)
    )
    samples = numpy(draw(many))
    table = numpy(layer.transition)
    places = {"snake": [0, 1, 5, 4, 3], "columns": [0, 3, 1, 4, 5]}
    places = places[layer.order]

    def log_probability(levels):
        states = (levels[..., places] * (layer.states - 1)).round().astype(int)
        pairs = table[states[..., :-1], states[..., 1:]].sum(-1)
        energy = (scores * levels).sum(-1) + pairs
        return energy - log_partition

    logs = log_probability(samples)  # (draws, 1, 2)
    error = 4.5 * logs.std(0) / np.sqrt(DRAWS)
    assert entropy.shape == (1, 1, 2)
    assert (np.abs(-logs.mean(0) - entropy[0]) < error).all()
    assert (best[..., ~MASK] == 0).all()
    np.testing.assert_allclose(log_probability(best)[0], logs.max(0), atol=1e-5)


def test_independent(scores):
    view = alignments.get("sigmoid").distribution(scores, MASK)
    on = (1 / (1 + np.exp(-scores.astype("float64"))))[..., MASK]
    entropy = -(on * np.log(on) + (1 - on) * np.log(1 - on)).sum(-1)
    np.testing.assert_allclose(numpy(view.entropy), entropy, atol=1e-5)
    total = np.log1p(np.exp(scores[..., MASK])).sum(-1)
    np.testing.assert_allclose(numpy(view.log_partition), total, atol=1e-5)
    np.testing.assert_array_equal(numpy(view.argmax), (scores > 0) * MASK)
    sharp = alignments.get("sigmoid", temperature=1e-6)
    certain = sharp.distribution(scores)
    np.testing.assert_allclose(numpy(certain.entropy), 0, atol=1e-6)


@pytest.mark.parametrize("key", ["softmax", "sparsemax", "hard"])
def test_categorical(scores, key):
    weights = numpy(alignments.get(key)(scores, mask=MASK))
    view = alignments.get(key).distribution(scores, MASK)
    np.testing.assert_array_equal(numpy(view.marginals), weights)
    safe = np.where(weights > 0, weights, 1)
    np.testing.assert_allclose(
        numpy(view.entropy), -(weights * np.log(safe)).sum(-1), atol=1e-6
    )
    best = np.eye(6)[weights.argmax(-1)]
    np.testing.assert_array_equal(numpy(view.argmax), best)
    many = np.broadcast_to(weights, (DRAWS, 1, 2, 6))
    samples = numpy(alignments.CategoricalDistribution(many).sample(seed=1))
    assert (samples.sum(-1) == 1).all() and (
        samples[:, weights[0] == 0] == 0
    ).all()
    error = np.sqrt(weights * (1 - weights) / DRAWS)[0]
    assert (np.abs(samples.mean(0) - weights[0]) <= 4.5 * error + 1e-6).all()


def test_categorical_of_nothing():
    view = alignments.CategoricalDistribution(np.zeros((1, 1, 1, 3), "float32"))
    for seen in (view.argmax, view.entropy, view.sample(seed=0)):
        assert (numpy(seen) == 0).all()


@not_on_jax
@pytest.mark.parametrize("key", alignments.available())
def test_every_alignment_has_a_distribution_or_says_why_not(scores, key):
    config = {"sampled": {"inference": "mean"}, "top_k": {"k": 2}}
    config["multi_dim_softmax"] = {"channels": 1}
    layer = alignments.get(key, **config.get(key, {}))
    extra = {"grid_shape": GRID} if layer.needs_grid else {}
    if layer.needs_query:
        extra["query"] = np.ones((1, 2, 5), "float32")
    scores = np.abs(scores) if layer.positive_scores else scores
    if key in ("local_predictive", "min_max"):
        with pytest.raises(ValueError, match=f"weights of {key} are no prob"):
            layer.distribution(scores, MASK, **extra)
        return
    view = layer.distribution(scores, MASK, **extra)
    np.testing.assert_allclose(
        numpy(view.marginals), numpy(layer(scores, mask=MASK, **extra))
    )
    assert (numpy(view.sample(seed=0))[..., ~MASK] == 0).all()
    assert (numpy(view.entropy) >= 0).all()
