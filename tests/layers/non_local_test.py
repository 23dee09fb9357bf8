"""The non-local block against timm and NumPy, in every mode."""

import pathlib

import keras
import numpy as np
import pytest

from keras_attention import AttentionExtractor
from keras_attention.layers.non_local import NonLocal2D

pytestmark = pytest.mark.computing
PATH = pathlib.Path(__file__).parents[1] / "oracles" / "pairwise.npz"
MODES = ["embedded_gaussian", "gaussian", "dot_product", "concatenation"]


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 5, 4, 6)).astype("float32")


def randomized(layer, features):
    """The layer, built, with no weight at its initial value."""
    layer.build(features.shape)
    rng = np.random.default_rng(1)
    layer.set_weights(
        [
            rng.uniform(0.5, 2, size=w.shape)
            if "variance" in w.path
            else rng.normal(size=w.shape, scale=0.5)
            for w in layer.weights
        ]
    )
    return layer


def call(layer, *inputs, **arguments):
    arguments = {"return_attention_scores": True, **arguments}
    return [keras.ops.convert_to_numpy(x) for x in layer(*inputs, **arguments)]


def weights_by_name(layer):
    return {
        weight.path.split("/", 1)[1]: keras.ops.convert_to_numpy(
            weight.value
        ).astype("float64")
        for weight in layer.weights
    }


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def windows(x):
    """2x2 windows by loops, with a partial one at an odd size."""
    _, height, width = x.shape[:3]
    return [
        x[:, top : top + 2, left : left + 2]
        for top in range(0, height, 2)
        for left in range(0, width, 2)
    ]


def numpy_block(layer, x, mask=None):
    """Outputs before they are masked, and weights, from the equations."""
    w = weights_by_name(layer)
    x = x.astype("float64")
    mask = np.ones(x.shape[:3], bool) if mask is None else mask

    def linear(name, x):
        return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0)

    def gathered(x):
        if not layer.sub_sample:
            return x.reshape(len(x), -1, x.shape[-1])
        x = np.where(mask[..., None], x, -np.inf)
        pooled = np.stack([p.max((1, 2)) for p in windows(x)], axis=1)
        return np.where(np.isfinite(pooled), pooled, 0)

    valid = mask.reshape(len(x), -1)
    if layer.sub_sample:
        valid = np.stack([p.any((1, 2)) for p in windows(mask)], axis=1)
    embeds = layer.mode != "gaussian"
    theta = linear("query", x) if embeds else x
    theta = theta.reshape(len(x), -1, theta.shape[-1])
    phi = gathered(linear("key", x) if embeds else x)
    lengths = {None: 1, "channels": x.shape[-1], "key_dim": theta.shape[-1]}
    if layer.mode == "concatenation":
        a = theta @ w["query_score/kernel"]
        b = phi @ w["key_score/kernel"]
        f = np.maximum(a + b.transpose(0, 2, 1), 0)
    else:
        f = (
            np.einsum("bnd,bmd->bnm", theta, phi)
            / lengths[layer.scaled_by] ** 0.5
        )
    if "gaussian" in layer.mode:
        weights = softmax(np.where(valid[:, None], f, -np.inf))
    else:
        weights = np.where(valid[:, None], f, 0) / valid.sum(1)[:, None, None]
    y = weights @ gathered(linear("value", x))
    y = linear("output", y.reshape(*x.shape[:3], -1))
    if layer.normalization:
        y = y - w["normalization/moving_mean"]
        y = y / np.sqrt(w["normalization/moving_variance"] + 1e-5)
        y = y * w["normalization/gamma"] + w["normalization/beta"]
    return y + x if layer.residual else y, weights[:, None]


def test_equals_timm(equals):
    with np.load(PATH) as arrays:
        oracle = {
            name.removeprefix("nonlocal."): array
            for name, array in arrays.items()
        }
    features = oracle["features"].transpose(0, 2, 3, 1)
    layer = NonLocal2D(key_dim=6, scaled_by="channels")
    layer.build(features.shape)
    places = {
        "query": "t",
        "value": "g",
        "key": "p",
        "output": "z",
        "kernel": "weight",
        "normalization": "norm",
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    for weight in layer.weights:
        _, place, name = weight.path.split("/")
        name = places.get(name, name)
        array = oracle[f"state.{places[place]}.{name}"]
        array = array[:, :, 0, 0].T if array.ndim == 4 else array
        if name == "running_mean":
            # timm's last convolution has a bias, which BN subtracts.
            array = array - oracle["state.z.bias"]
        weight.assign(array)
    outputs, _ = call(layer, features)
    expected = oracle["outputs"].transpose(0, 2, 3, 1)
    equals("NonLocal2D", "timm NonLocalAttn", outputs, expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sub_sample": True},
        {"scaled_by": "key_dim", "normalization": None},
        {"scaled_by": "channels", "residual": False, "use_bias": False},
        {"sub_sample": True, "key_dim": 5, "normalization": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_equals_numpy(features, mode, masked, arguments):
    if mode == "concatenation":
        arguments = {k: v for k, v in arguments.items() if k != "scaled_by"}
    layer = randomized(NonLocal2D(mode, **arguments), features)
    mask = None
    if masked:
        mask = np.random.default_rng(2).random((2, 5, 4)) < 0.5
        mask[:, :2, :2] = False  # a window without a valid position
    outputs, weights = call(layer, features, mask=mask)
    expected, expected_weights = numpy_block(layer, features, mask)
    if masked:
        assert (outputs[~mask] == 0).all()
        outputs, expected = outputs[mask], expected[mask]
        # What is asked in a masked place has no meaning.
        valid = mask.reshape(2, 20)
        weights, expected_weights = (
            w[:, 0][valid] for w in (weights, expected_weights)
        )
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(outputs / scale, expected / scale, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_permuted_positions_give_permuted_outputs(features, mode):
    layer = randomized(NonLocal2D(mode), features)
    order = np.random.default_rng(2).permutation(20)
    permuted = features.reshape(2, 20, 6)[:, order].reshape(features.shape)
    outputs, _ = call(layer, features)
    permuted_outputs, _ = call(layer, permuted)
    np.testing.assert_allclose(
        permuted_outputs.reshape(2, 20, 6),
        outputs.reshape(2, 20, 6)[:, order],
        atol=5e-5,
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 2)])
def test_pooling_leaves_no_position_out(size):
    features = np.random.default_rng(0).normal(size=(2, *size, 6))
    layer = randomized(NonLocal2D(sub_sample=True), features)
    outputs, weights = call(layer, features)
    expected, expected_weights = numpy_block(layer, features)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)


def test_statistics_follow_the_mask(features):
    layer = NonLocal2D()
    mask = np.zeros((2, 5, 4), bool)
    mask[:, :3] = True
    layer(np.where(mask[..., None], features, np.nan), mask=mask, training=True)
    twin = NonLocal2D()
    twin.build(features.shape)
    twin.set_weights(layer.get_weights()[:-2] + twin.get_weights()[-2:])
    twin(features[:, :3], training=True)
    for masked, left_out in zip(
        layer.get_weights(), twin.get_weights(), strict=True
    ):
        np.testing.assert_allclose(masked, left_out, atol=1e-5)


def test_outputs_follow_replaced_weights(features):
    inputs = keras.Input(features.shape[1:])
    layer = NonLocal2D(normalization=None, name="nonlocal")
    model = keras.Model(inputs, layer(inputs))
    blind = AttentionExtractor(
        model, replace=lambda _, w: keras.ops.zeros_like(w)
    )
    outputs, weights = blind(features)
    assert list(weights) == ["nonlocal"]
    # Nothing gathered, and biases start at 0: what is left is the residual.
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(outputs), features)


@pytest.mark.parametrize(
    "arguments, key_dim",
    [
        ({}, 3),
        ({"reduction_ratio": 4}, 1),
        ({"reduction_ratio": 8}, 1),
        ({"reduction_ratio": 8, "key_dim": 5}, 5),
    ],
)
def test_filters(features, arguments, key_dim):
    layer = NonLocal2D(**arguments)
    layer(features)
    kernels = 4 * 6 * key_dim
    biases, normalization = 2 * key_dim, 4 * 6
    assert layer.count_params() == kernels + biases + normalization


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mode": "embedded"}, "mode='embedded'"),
        ({"reduction_ratio": 0}, "reduction_ratio=0"),
        ({"key_dim": 1.5}, "key_dim=1.5"),
        ({"sub_sample": 2}, "sub_sample=2"),
        ({"scaled_by": True}, "scaled_by=True"),
        (
            {"mode": "concatenation", "scaled_by": "key_dim"},
            "no product to scale.*scaled_by='key_dim'",
        ),
        ({"normalization": "layer"}, "normalization='layer'"),
        ({"residual": "yes"}, "residual='yes'"),
        ({"max_positions": -1}, "max_positions=-1"),
        ({"max_positions": 19}, "5 x 4 positions.*20 positions.*positions=19"),
    ],
)
def test_bad_input(features, arguments, message):
    with pytest.raises(ValueError, match=message):
        NonLocal2D(**arguments)(features)


def test_a_map_too_large_is_refused_before_it_is_computed():
    with pytest.raises(ValueError, match="256 x 256 positions take 17.2 GB"):
        NonLocal2D()(keras.Input((256, 256, 8)))
    with pytest.raises(ValueError, match="256 x 256 positions take 4.3 GB"):
        NonLocal2D(sub_sample=True)(keras.Input((256, 256, 8)))
    layer = NonLocal2D(max_positions=16)
    layer.build((None, None, None, 8))
    with pytest.raises(ValueError, match="20 positions with max_positions=16"):
        layer(np.zeros((1, 4, 5, 8), "float32"))
