"""Scores that are never negative: the Gaussian and other kernels."""

import keras
import numpy as np
import pytest
from gradients import gradients

from keras_attention import alignments
from keras_attention import scores

pytestmark = pytest.mark.computing


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 8)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def heads(layer, query, features):
    """The (projected) channels in float64, `(2, 3, 1, h, d)` and so on."""
    if layer.key_dim is not None:
        w_q, w_k = layer.get_weights()
        query, features = query @ w_q, features @ w_k
    h = layer.num_heads
    q = query.reshape(2, 3, 1, h, -1).astype("float64")
    k = features.reshape(2, 1, 5, h, -1).astype("float64")
    return q, k


each_size = pytest.mark.parametrize(
    "num_heads, key_dim", [(1, None), (2, None), (2, 3)]
)


@each_size
@pytest.mark.parametrize("bandwidth", [None, 1.0, 3])
@pytest.mark.parametrize("form", ["distance", "product"])
def test_gaussian(tensors, form, bandwidth, num_heads, key_dim):
    layer = scores.get(
        "gaussian",
        form=form,
        bandwidth=bandwidth,
        num_heads=num_heads,
        key_dim=key_dim,
    )
    result = numpy(layer(*tensors))
    q, k = heads(layer, *tensors)
    square = bandwidth**2 if bandwidth else np.sqrt(q.shape[-1])
    if form == "distance":
        exponent = -((q - k) ** 2).sum(-1) / (2 * square)
    else:
        exponent = (q * k).sum(-1) / square
    expected = np.exp(exponent).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("bandwidth, key", [(1.0, "dot"), (None, "scaled_dot")])
def test_divided_by_their_sum_products_are_a_softmax(tensors, bandwidth, key):
    layer = scores.get("gaussian", form="product", bandwidth=bandwidth)
    kernel = numpy(layer(*tensors))
    softmax = alignments.get("softmax")(scores.get(key)(*tensors))
    np.testing.assert_allclose(
        kernel / kernel.sum(-1, keepdims=True), numpy(softmax), atol=1e-6
    )


def test_forms_differ_by_a_factor_on_a_sphere(tensors):
    query, features = (
        x / np.linalg.norm(x, axis=-1, keepdims=True) for x in tensors
    )
    ratio = [
        numpy(scores.get("gaussian", form=form)(query, features))
        for form in ("distance", "product")
    ]
    factor = np.exp(-1 / np.sqrt(8))
    np.testing.assert_allclose(ratio[0], factor * ratio[1], rtol=1e-5)


PHI = {
    "elu": lambda x: np.where(x > 0, x + 1, np.exp(x)),
    "relu": lambda x: np.maximum(x, 0),
    "exp": np.exp,
}


@each_size
@pytest.mark.parametrize("phi", PHI)
def test_kernel(tensors, phi, num_heads, key_dim):
    layer = scores.get("kernel", phi=phi, num_heads=num_heads, key_dim=key_dim)
    result = numpy(layer(*tensors))
    q, k = heads(layer, *tensors)
    expected = (PHI[phi](q) * PHI[phi](k)).sum(-1).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


CASES = [("gaussian", {"form": form}) for form in ("distance", "product")]
CASES += [("kernel", {"phi": phi}) for phi in PHI]


@pytest.mark.parametrize("key, config", CASES)
@pytest.mark.parametrize("factor", [0, 10, 6e4])
def test_never_negative_and_finite(tensors, key, config, factor):
    layer = scores.get(key, **config)
    assert layer.positive_scores
    inputs = [(factor * x).astype("float32") for x in tensors]

    def shares(query, features):
        """Divided by their sum, as alignments for such scores do."""
        values = layer(query, features)
        return values / (1 + keras.ops.sum(values, axis=-1, keepdims=True))

    value, pulled = gradients(shares, inputs)
    assert (value >= 0).all() and np.isfinite(value).all()
    assert all(np.isfinite(x).all() for x in pulled)


@pytest.mark.parametrize(
    "key, config, message",
    [
        ("gaussian", {"form": "rbf"}, "one of 'distance', 'product'.*'rbf'"),
        ("gaussian", {"bandwidth": 0}, "bandwidth=0"),
        ("kernel", {"phi": "cosine"}, "one of 'elu', 'relu', 'exp'.*'cosine'"),
        ("euclidean", {"squared": "yes"}, "squared='yes'"),
        ("scaled_dot", {"scale": -1}, "scale=-1"),
        ("activated_general", {"activation": None}, "activation=None"),
    ],
)
def test_bad_arguments(key, config, message):
    with pytest.raises(ValueError, match=message):
        scores.get(key, **config)
