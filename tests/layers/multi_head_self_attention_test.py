"""Self-attention against PyTorch, timm, and what mathematics says."""

import pathlib

import keras
import numpy as np
import pytest

from keras_attention import AttentionExtractor
from keras_attention.layers.multi_head_self_attention import (
    MultiHeadSelfAttention2D,
)

pytestmark = pytest.mark.computing
PATH = pathlib.Path(__file__).parents[1] / "oracles" / "pairwise.npz"


@pytest.fixture(scope="module")
def oracle():
    with np.load(PATH) as arrays:
        return dict(arrays)


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 4, 5, 8)).astype("float32")


def randomized(layer, *inputs):
    """The layer, built, with no weight at its initial value."""
    layer.build(*(x.shape for x in inputs))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


def call(layer, *inputs, **arguments):
    arguments = {"return_attention_scores": True, **arguments}
    return [keras.ops.convert_to_numpy(x) for x in layer(*inputs, **arguments)]


def torch_layer(oracle):
    """PyTorch's attention, whose key has a bias that changes nothing."""
    layer = MultiHeadSelfAttention2D(num_heads=2)
    layer.build((3, 3, 4, 8))
    get = lambda name: oracle[f"self.state.{name}"]  # noqa: E731
    w_q, w_k, w_v = np.split(get("in_proj_weight"), 3)
    b_q, b_k, b_v = np.split(get("in_proj_bias"), 3)
    assert np.abs(b_k).max() > 0.1
    w_o, b_o = get("out_proj.weight"), get("out_proj.bias")
    layer.set_weights([w_q.T, b_q, w_k.T, w_v.T, b_v, w_o.T, b_o])
    return layer


def test_equals_pytorch(oracle, equals):
    outputs, weights = call(
        torch_layer(oracle), oracle["self.features"].reshape(3, 3, 4, 8)
    )
    expected = oracle["self.outputs"].reshape(3, 3, 4, 8)
    names = "MultiHeadSelfAttention2D", "torch.nn.MultiheadAttention"
    equals(*names, outputs, expected)
    equals(*names, weights, oracle["self.weights"])


def test_equals_pytorch_under_a_mask(oracle):
    mask = oracle["self.mask"].reshape(3, 3, 4)
    outputs, weights = call(
        torch_layer(oracle),
        oracle["self.features"].reshape(3, 3, 4, 8),
        mask=mask,
    )
    expected = oracle["self.masked_outputs"].reshape(3, 3, 4, 8)
    np.testing.assert_allclose(outputs[mask], expected[mask], atol=1e-5)
    assert (outputs[~mask] == 0).all()
    # PyTorch asks in masked places too, with the features that stand there.
    np.testing.assert_allclose(
        weights.transpose(0, 2, 1, 3)[mask.reshape(3, 12)],
        oracle["self.masked_weights"].transpose(0, 2, 1, 3)[
            mask.reshape(3, 12)
        ],
        atol=1e-5,
    )


@pytest.mark.parametrize("dialect", ["scaled", "unscaled"])
def test_relative_positions_equal_timm(oracle, dialect, equals):
    get = lambda name: oracle[f"bottleneck_{dialect}.{name}"]  # noqa: E731
    layer = MultiHeadSelfAttention2D(
        num_heads=2,
        key_dim=6,
        value_dim=8,
        relative_positions=True,
        scale_positions=dialect == "scaled",
        use_bias=False,
        output_projection=False,
        data_format="channels_first",
    )
    layer.build(get("features").shape)
    kernels = np.split(get("state.qkv.weight")[:, :, 0, 0].T, [12, 24], axis=1)
    vectors = {
        "rows": get("state.pos_embed.height_rel"),
        "columns": get("state.pos_embed.width_rel"),
    }
    for name, dense in zip(("query", "key", "value"), kernels, strict=True):
        vectors[f"{name}/kernel"] = dense
    for weight in layer.weights:
        weight.assign(vectors.pop(weight.path.split("/", 1)[1]))
    assert not vectors
    outputs, _ = call(layer, get("features"))
    what = "MultiHeadSelfAttention2D, relative positions"
    equals(what, "timm BottleneckAttn", outputs, get("outputs"))


def test_permuted_positions_give_permuted_outputs(features):
    layer = randomized(MultiHeadSelfAttention2D(num_heads=2), features)
    order = np.random.default_rng(2).permutation(20)
    permuted = features.reshape(2, 20, 8)[:, order].reshape(features.shape)
    outputs, weights = call(layer, features)
    permuted_outputs, permuted_weights = call(layer, permuted)
    np.testing.assert_allclose(
        permuted_outputs.reshape(2, 20, 8),
        outputs.reshape(2, 20, 8)[:, order],
        atol=2e-5,
    )
    np.testing.assert_allclose(
        permuted_weights, weights[:, :, order][..., order], atol=2e-5
    )


def test_positions_break_the_symmetry(features):
    layer = randomized(
        MultiHeadSelfAttention2D(num_heads=2, relative_positions=True), features
    )
    same = np.ones_like(features)
    _, weights = call(layer, same)
    assert np.ptp(weights, axis=-1).min() > 0.01
    # Equal features: what is left depends on the distance alone.
    maps = weights.reshape(2, 2, 4, 5, 4, 5)
    odds = maps / maps[:, :, :, :, :1, :1]
    log = np.log(odds[:, :, 1, 1, 1, 1] / odds[:, :, 1, 1, 2, 3])
    shifted = np.log(odds[:, :, 0, 0, 0, 0] / odds[:, :, 0, 0, 1, 2])
    np.testing.assert_allclose(log, shifted, atol=1e-4)


def test_mask_equals_leaving_out(features):
    layer = randomized(MultiHeadSelfAttention2D(num_heads=2), features)
    mask = np.zeros((2, 4, 5), bool)
    mask[:, :2] = True
    outputs, weights = call(layer, features, mask=mask)
    left_out, left_out_weights = call(layer, features[:, :2])
    np.testing.assert_allclose(outputs[:, :2], left_out, atol=1e-5)
    np.testing.assert_allclose(
        weights[:, :, :10, :10], left_out_weights, atol=1e-6
    )
    assert (weights[..., 10:] == 0).all() and (outputs[:, 2:] == 0).all()


def test_a_single_position_attends_to_itself():
    features = np.random.default_rng(0).normal(size=(2, 1, 1, 8))
    layer = randomized(MultiHeadSelfAttention2D(num_heads=2), features)
    _, weights = call(layer, features)
    np.testing.assert_array_equal(weights, np.ones((2, 2, 1, 1)))


def test_an_empty_batch(features):
    layer = MultiHeadSelfAttention2D(num_heads=2, relative_positions=True)
    outputs, weights = call(layer, features[:0])
    assert outputs.shape == (0, 4, 5, 8) and weights.shape == (0, 2, 20, 20)


def test_outputs_follow_replaced_weights(features):
    inputs = keras.Input(features.shape[1:])
    layer = MultiHeadSelfAttention2D(num_heads=2)
    randomized(layer, features)
    model = keras.Model(inputs, layer(inputs))
    uniform = AttentionExtractor(
        model, replace=lambda _, w: keras.ops.ones_like(w) / 20
    )
    outputs = keras.ops.convert_to_numpy(uniform(features)[0])
    _, _, _, w_v, b_v, w_o, b_o = layer.get_weights()
    mean = (features.mean((1, 2)) @ w_v + b_v) @ w_o + b_o
    np.testing.assert_allclose(
        outputs, np.broadcast_to(mean[:, None, None], outputs.shape), atol=1e-5
    )


def test_small_weights_survive_half_precision(features):
    layer = MultiHeadSelfAttention2D(num_heads=2, dtype="mixed_float16")
    randomized(layer, features)
    layer.set_weights([*layer.get_weights()[:-1], np.zeros(8)])
    inputs = keras.Input(features.shape[1:])
    model = keras.Model(inputs, layer(inputs))

    def share_of_a_million(name, weights):
        # Below the smallest number of float16, and above it once summed up.
        return keras.ops.full_like(weights, 2e-8)

    extractor = AttentionExtractor(model, replace=share_of_a_million)
    outputs, _ = extractor(1000 * features)
    assert (keras.ops.convert_to_numpy(outputs) != 0).all()


@pytest.mark.parametrize(
    "arguments, parameters",
    [
        ({}, 4 * 8 * 8 + 3 * 8),
        ({"use_bias": False}, 4 * 8 * 8),
        ({"output_projection": False}, 3 * 8 * 8 + 2 * 8),
        ({"key_dim": 3, "value_dim": 5}, 8 * (6 + 6 + 10 + 10) + 6 + 10 + 8),
        ({"relative_positions": True}, 4 * 8 * 8 + 3 * 8 + (7 + 9) * 4),
    ],
)
def test_parameters(features, arguments, parameters):
    layer = MultiHeadSelfAttention2D(num_heads=2, **arguments)
    layer(features)
    assert layer.count_params() == parameters


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_heads": 0}, "num_heads=0"),
        ({"num_heads": 3}, "8 channels and num_heads=3.*Set key_dim"),
        ({"key_dim": 2.5}, "key_dim=2.5"),
        ({"value_dim": -1}, "value_dim=-1"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"use_bias": None}, "use_bias=None"),
        ({"relative_positions": "2d"}, "relative_positions='2d'"),
        ({"scale_positions": False}, "no positions to scale"),
        (
            {"output_projection": False, "key_dim": 3},
            "8 channels, num_heads=4 and values of size 3",
        ),
        ({"max_positions": 0}, "max_positions=0"),
        ({"max_positions": 19}, "4 x 5 positions.*20 positions.*positions=19"),
    ],
)
def test_bad_input(features, arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadSelfAttention2D(**arguments)(features)


def test_a_map_too_large_is_refused_before_it_is_computed():
    layer = MultiHeadSelfAttention2D()
    with pytest.raises(ValueError, match=r"256 x 256 positions take 68.7 GB"):
        layer(keras.Input((256, 256, 8)))
    layer = MultiHeadSelfAttention2D(max_positions=16)
    layer.build((None, None, None, 8))
    with pytest.raises(ValueError, match="20 positions with max_positions=16"):
        layer(np.zeros((1, 4, 5, 8), "float32"))


def test_positions_need_a_known_size_that_stays(features):
    layer = MultiHeadSelfAttention2D(relative_positions=True)
    with pytest.raises(ValueError, match="known size.*None, None, None, 8"):
        layer(keras.Input((None, None, 8)))
    layer = MultiHeadSelfAttention2D(relative_positions=True)
    layer(features)
    with pytest.raises(ValueError, match=r"maps of \(4, 5\).*\(2, 5, 4, 8\)"):
        layer(np.zeros((2, 5, 4, 8), "float32"))
