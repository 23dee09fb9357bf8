"""Inputs as large as numbers go, in as little precision as there is."""

import itertools

import keras
import numpy as np
import pytest
from choice import first
from gradients import layer_gradients
from gradients import not_on_jax

from keras_attention import alignments
from keras_attention import layers
from keras_attention import scores

pytestmark = not_on_jax
POSITIVE_SCORES = [
    key for key in scores.available() if scores.get(key).positive_scores
]
# One that draws has no gradient without a model made for it.
ALIGNMENTS = [
    key
    for key in alignments.available()
    if not alignments.get(key).needs_reinforce
]
# PyTorch trains few float16 layers on the CPU, but computes them.
TRAINED = ["mixed_bfloat16"]
if keras.backend.backend() != "torch":
    TRAINED = ["mixed_float16", pytest.param(*TRAINED, marks=pytest.mark.long)]


def legal(key, score, alignment):
    """Whether two parts may stand together in a layer."""
    flags = alignments.get(alignment)
    fits = key == "attn_pool" or not flags.per_channel
    return fits and (score in POSITIVE_SCORES or not flags.positive_scores)


def combinations():
    """Every part with a partner that is critical at 1e30; all are `long`."""
    for key, score, alignment in itertools.product(
        ("attn_pool", "mhsa"), scores.available(), ALIGNMENTS
    ):
        partners = {"kernel", "multi_dim_softmax"}
        if key == "mhsa":
            partners = {"gaussian", "softmax"}
        marks = [] if partners & {score, alignment} else pytest.mark.long
        if legal(key, score, alignment):
            yield pytest.param(key, score, alignment, marks=marks)


def ways_of_all_alignments():
    """`(key, {argument: value})`, each alignment in each layer that has one."""
    for key, alignment in itertools.product(
        ("attn_pool", "cross", "gate", "mhsa"), alignments.available()
    ):
        flags = alignments.get(alignment)
        config = {"alignment": alignment}
        if key == "gate":
            if flags.per_channel or flags.positive_scores or flags.needs_query:
                continue
        else:
            positive = flags.positive_scores
            config["score"] = POSITIVE_SCORES[0] if positive else "scaled_dot"
            if not legal(key, config["score"], alignment):
                continue
        yield key, config


def inputs_of(layer, scale=1.0, dtype="float32"):
    """Features and, if the layer takes one, a query."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 3, 4, 4))
    query = {
        None: [],
        "vector": [rng.normal(size=(2, 4))],
        "map": [features[:, :2, :2]],
    }[layer.query_kind]
    # So that float16 has them all.
    arrays = [np.clip(x, -2, 2) * scale for x in (features, *query)]
    return [x.astype(dtype) for x in arrays]


def learned(layer, arrays):
    """Outputs and gradients of a layer in a random direction."""
    shape = keras.ops.shape(layer(*arrays))
    direction = np.random.default_rng(1).normal(size=shape)
    return layer_gradients(layer, arrays, direction)


@pytest.mark.parametrize("key, score, alignment", combinations())
def test_gradients_at_1e30(key, score, alignment):
    layer = layers.get(key, score=score, alignment=alignment, num_heads=2)
    outputs, found = learned(layer, inputs_of(layer, 1e30))
    assert np.isfinite(outputs).all()
    for name, gradient in found.items():
        assert np.isfinite(gradient).all(), name


@pytest.mark.parametrize(
    "dtype",
    ["float16", pytest.param("mixed_float16", marks=pytest.mark.long)],
)
def test_float16_outputs_at_its_limits(dtype):
    plain = [(key, {}) for key in layers.available()]
    for key, config in (*plain, *ways_of_all_alignments()):
        layer = layers.get(key, dtype=dtype, **config)
        outputs = layer(*inputs_of(layer, 3e4, "float16"))
        assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
        finite = keras.ops.isfinite(outputs)
        assert keras.ops.convert_to_numpy(finite).all(), (key, config)


CASES = {
    "layers": [(key, {}) for key in layers.available()],
    "scores": [
        ("attn_pool", {"score": key, "alignment": "sigmoid", "key_dim": 3})
        for key in scores.available()
    ],
    "alignments": [
        (key, config)
        for key, config in ways_of_all_alignments()
        if key == "attn_pool" and config["alignment"] in ALIGNMENTS
    ],
}


@pytest.mark.parametrize("dtype", TRAINED)
@pytest.mark.parametrize("cases", first(1, CASES))
def test_gradients_in_half_precision(dtype, cases):
    for key, config in CASES[cases]:
        if key == "gate":
            config = {"activation": "tanh"}  # an entry near 0 has one slope
        keras.utils.set_random_seed(0)
        precise = layers.get(key, **config)
        arrays = inputs_of(precise)
        _, expected = learned(precise, arrays)
        layer = layers.get(key, dtype=dtype, **config)
        layer.build(*(x.shape for x in arrays))
        layer.set_weights(precise.get_weights())
        _, found = learned(layer, arrays)
        for (name, seen), reference in zip(
            found.items(), expected.values(), strict=True
        ):
            where = (key, config, name)
            assert seen is not None and np.isfinite(seen).all(), where
            size = np.linalg.norm(reference)
            error = np.linalg.norm(seen - reference)
            assert error <= 0.1 * size + 1e-3, (*where, error, size)
