"""Cross-attention against PyTorch, and what it refuses."""

import pathlib

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import AttentionExtractor
from keras_attention.layers.cross_attention import CrossAttention2D

pytestmark = pytest.mark.computing
PATH = pathlib.Path(__file__).parents[1] / "oracles" / "pairwise.npz"


@pytest.fixture(scope="module")
def oracle():
    with np.load(PATH) as arrays:
        arrays = {
            name.removeprefix("cross."): array
            for name, array in arrays.items()
            if name.startswith("cross.")
        }
    arrays["features"] = arrays["features"].reshape(3, 3, 4, 6)
    arrays["mask"] = arrays["mask"].reshape(3, 3, 4)
    for name in ("weights", "masked_weights"):
        arrays[name] = arrays[name].reshape(3, 2, 5, 3, 4)
    return arrays


def torch_layer(oracle, query_shape):
    """PyTorch's attention, whose key has a bias that changes nothing."""
    layer = CrossAttention2D(num_heads=2)
    layer.build(oracle["features"].shape, query_shape)
    w_q, w_k, w_v = (oracle[f"state.{x}_proj_weight"].T for x in "qkv")
    b_q, _, b_v = np.split(oracle["state.in_proj_bias"], 3)
    w_o = oracle["state.out_proj.weight"].T
    b_o = oracle["state.out_proj.bias"]
    layer.set_weights([w_q, b_q, w_k, w_v, b_v, w_o, b_o])
    return layer


def call(layer, *inputs, **arguments):
    arguments = {"return_attention_scores": True, **arguments}
    return [keras.ops.convert_to_numpy(x) for x in layer(*inputs, **arguments)]


@pytest.mark.parametrize("masked", [False, True])
def test_equals_pytorch(oracle, masked, equals):
    layer = torch_layer(oracle, (3, 5, 8))
    mask, prefix = (oracle["mask"], "masked_") if masked else (None, "")
    context, weights = call(
        layer, oracle["features"], oracle["query"], mask=mask
    )
    names = "CrossAttention2D", "torch.nn.MultiheadAttention"
    equals(*names, context, oracle[f"{prefix}outputs"])
    equals(*names, weights, oracle[f"{prefix}weights"])


def test_a_single_query_equals_one_of_several(oracle):
    layer = torch_layer(oracle, (3, 8))
    context, weights = call(layer, oracle["features"], oracle["query"][:, 2])
    np.testing.assert_allclose(context, oracle["outputs"][:, 2], atol=1e-5)
    np.testing.assert_allclose(weights, oracle["weights"][:, :, 2], atol=1e-5)


def test_an_image_without_a_valid_position_gives_the_bias(oracle):
    layer = torch_layer(oracle, (3, 5, 8))
    features = np.full_like(oracle["features"], np.nan)
    mask = np.zeros((3, 3, 4), bool)
    context, weights = call(layer, features, oracle["query"], mask=mask)
    bias = np.broadcast_to(oracle["state.out_proj.bias"], context.shape)
    np.testing.assert_array_equal(context, bias)
    np.testing.assert_array_equal(weights, np.zeros((3, 2, 5, 3, 4)))


def test_outputs_follow_replaced_weights(oracle):
    features, query = oracle["features"], oracle["query"]
    layer = torch_layer(oracle, query.shape)
    inputs = [keras.Input(x.shape[1:]) for x in (features, query)]
    model = keras.Model(inputs, layer(*inputs))

    def look_at_the_last(name, weights):
        hot = np.zeros((3, 2, 5, 3, 4), "float32")
        hot[..., 2, 3] = 1
        return keras.ops.convert_to_tensor(hot)

    extractor = AttentionExtractor(model, replace=look_at_the_last)
    context = keras.ops.convert_to_numpy(extractor([features, query])[0])
    _, _, _, w_v, b_v, w_o, b_o = layer.get_weights()
    expected = (features[:, 2, 3] @ w_v + b_v) @ w_o + b_o
    for place in range(5):
        np.testing.assert_allclose(context[:, place], expected, atol=1e-5)


@not_on_jax
@pytest.mark.parametrize(
    "arguments, query_shape, dim",
    [
        ({}, (2, 8), 8),
        ({}, (2, 3, 8), 8),
        ({"output_dim": 5}, (2, 8), 5),
        ({"key_dim": 3, "value_dim": 2}, (2, 3, 7), 7),
        ({"key_dim": 3, "output_dim": 4}, (2, 1, 7), 4),
    ],
)
def test_shapes(oracle, arguments, query_shape, dim):
    layer = CrossAttention2D(num_heads=2, **arguments)
    features = np.ones((2, 3, 4, 6), "float32")
    context, weights = call(layer, features, np.ones(query_shape, "float32"))
    queries = query_shape[1:-1]
    assert context.shape == (2, *queries, dim)
    assert weights.shape == (2, 2, *queries, 3, 4)


@pytest.mark.parametrize(
    "arguments, query_shape, message",
    [
        ({}, None, "told who asks.*no query"),
        ({}, (2, 7), "7 channels and num_heads=4.*Set key_dim"),
        ({}, (2, 2, 2, 8), r"query of shape \(2, 2, 2, 8\)"),
        ({"output_dim": 0}, (2, 8), "output_dim=0"),
        ({"num_heads": True}, (2, 8), "num_heads=True"),
        ({"identity_init": True}, (2, 8), "identity_init=True"),
    ],
)
def test_bad_input(arguments, query_shape, message):
    query = [] if query_shape is None else [np.ones(query_shape, "float32")]
    with pytest.raises(ValueError, match=message):
        layer = CrossAttention2D(**arguments)
        layer(np.ones((2, 3, 4, 6), "float32"), *query)
