"""The hybrid against published sizes and plain arrays."""

import keras
import numpy as np
import pytest
from choice import first
from gradients import not_on_jax
from numpy_network import Steps
from numpy_network import enlarged
from numpy_network import expect_answers
from numpy_network import pool
from numpy_network import randomized
from numpy_network import softmax

from keras_attention import AttentionExtractor
from keras_attention import attach
from keras_attention.models import VGG16BNTransformer

SIZES = {"num_blocks": 2, "num_heads": 2, "token_dim": 16, "classes": 3}
SMALL = {**SIZES, "input_shape": (64, 96, 3), "width_multiplier": 0.125}
TINY = {**SIZES, "input_shape": (64, 64, 3), "width_multiplier": 1 / 64}
# Published for ViT-S/16 at 224 pixels and 1000 classes, and a part of it: the
# projection of 16 x 16 pixels.
VIT_S, PATCHES = 22_050_664, 16 * 16 * 3 * 384 + 384
# Of VGG16_bn's convolutions, 14,723,136, three of block 5.
BLOCK5 = 3 * (9 * 512 * 512 + 3 * 512)


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def test_published_parameter_counts():
    transformer = VIT_S - PATCHES
    transformer -= 12 * 384  # keys have no bias
    transformer -= 384  # the class token has no position
    projection = 512 * 384 + 384
    model = VGG16BNTransformer()
    trained = count(model.trainable_variables)
    assert trained == 14_723_136 - BLOCK5 + projection + transformer
    assert f"{trained:,}" in VGG16BNTransformer.__doc__


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        # No token.
        ({"pooling": "mean"}, -16),
        # The fifth block of 1/64, and 2 x 2 positions in place of 4 x 4.
        ({"block": "block5"}, 3 * (9 * 64 + 3 * 8) - 12 * 16),
        ({"num_blocks": 3}, 4 * 256 + 2 * 16 * 64 + 8 * 16 + 64),
        ({"hidden_dim": 10}, 2 * (10 - 64) * (2 * 16 + 1)),
        # A table for 224 pixels.
        ({"input_shape": (None, None, 3)}, (14 * 14 - 4 * 4) * 16),
        ({"input_shape": (64, None, 3)}, (4 * 14 - 4 * 4) * 16),
    ],
)
def test_parameters_of_arguments(arguments, difference):
    plain = count(VGG16BNTransformer(**TINY).trainable_variables)
    model = VGG16BNTransformer(**{**TINY, **arguments})
    assert count(model.trainable_variables) == plain + difference


def encoder(net, x, name):
    """The paper's block on `(batch, tokens, channels)`, and its weights."""
    w_q, b_q, w_k, w_v, b_v, w_o, b_o = net.weights(f"{name}_mhsa")
    y = net.layer_normalization(x, f"{name}_norm1")
    batch, tokens, channels = y.shape

    def heads(z):
        return z.reshape(batch, tokens, 2, -1).transpose(0, 2, 1, 3)

    q, k, v = heads(y @ w_q + b_q), heads(y @ w_k), heads(y @ w_v + b_v)
    a = softmax(q @ k.swapaxes(2, 3) / np.sqrt(channels / 2))
    context = (a @ v).transpose(0, 2, 1, 3).reshape(batch, tokens, channels)
    x = x + context @ w_o + b_o
    y = net.layer_normalization(x, f"{name}_norm2")
    kernel, bias = net.weights(f"{name}_dense1")
    y = y @ kernel[0, 0] + bias
    y = 0.5 * y * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3)))
    kernel, bias = net.weights(f"{name}_dense2")
    return x + y @ kernel[0, 0] + bias, a


def expected(model, x, block, pooling):
    """The answer, and the weights of both transformer blocks."""
    net, maps = Steps(model), []
    for number, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        if f"block{number}" <= block:
            x = pool(net.block(x, f"block{number}", convolutions))
    (table,) = net.weights("positions")
    x = net.convolution(x, "embedding")
    x = x + enlarged(table[None], x.shape[1:3])
    x = x.reshape(len(x), -1, 16)
    if pooling == "token":
        (token,) = net.weights("class_token")
        x = np.concatenate([np.repeat(token, len(x), 0), x], axis=1)
    for number in (1, 2):
        x, a = encoder(net, x, f"encoder{number}")
        maps.append(a)
    x = net.layer_normalization(x, "norm")
    x = x[:, 0] if pooling == "token" else x.mean(1)
    return [softmax(net.dense(x, "predictions")), *maps]


@not_on_jax
@pytest.mark.parametrize(
    ("block", "pooling", "size"),
    first(
        2,
        [
            ("block4", "token", (64, 96)),
            ("block5", "mean", (None, None)),
            ("block4", "mean", (64, 96)),
            ("block5", "token", (None, None)),
        ],
    ),
)
def test_equals_numpy(block, pooling, size):
    arguments = {**SMALL, "input_shape": (*size, 3)}
    model = randomized(
        VGG16BNTransformer(
            **arguments,
            block=block,
            pooling=pooling,
            return_attention_scores=True,
        )
    )
    x = np.random.default_rng(1).normal(size=(2, 64, 96, 3))
    expect_answers(model, x, expected(model, x, block, pooling))


@not_on_jax
def test_a_block_equals_numpy():
    model = randomized(
        VGG16BNTransformer(**TINY, pooling="mean", return_attention_scores=True)
    )
    block = keras.Model(
        model.get_layer("positions").output,
        [model.get_layer("encoder1_add2").output, model.outputs[1]],
    )
    x = np.random.default_rng(1).normal(size=(2, 4, 4, 16)).astype("float32")
    outputs, weights = encoder(
        Steps(model), x.reshape(2, 16, 16).astype("float64"), "encoder1"
    )
    wanted = outputs.reshape(2, 4, 4, 16), weights
    for seen, array in zip(block(x), wanted, strict=True):
        seen = keras.ops.convert_to_numpy(seen)
        np.testing.assert_allclose(seen, array, rtol=1e-5, atol=1e-5)


@not_on_jax
@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    "pooling", ["token", pytest.param("mean", marks=pytest.mark.long)]
)
def test_trains_saves_and_takes_more_attention(pooling, tmp_path):
    arguments = {**TINY, "input_shape": (None, None, 3)}
    model = VGG16BNTransformer(**arguments, pooling=pooling)
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(4, 64, 64, 3))
    before = [np.array(w) for w in model.get_weights()]
    model.fit(x, np.array([0, 1, 2, 0]), batch_size=2, verbose=0)
    for weight, a, b in zip(
        model.weights, before, model.get_weights(), strict=True
    ):
        # A bias in front of a normalization has no gradient.
        unseen = weight.path.startswith("block") or "seed" in weight.path
        assert (a != b).any() or unseen, weight.path
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    answers = model.predict(x, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), answers)
    attached = attach(loaded, {"block2_pool": "eca", "residual_adds": "se"})
    np.testing.assert_array_equal(attached.predict(x, verbose=0), answers)
    _, maps = AttentionExtractor(attached).predict(x, verbose=0)
    tokens = 17 if pooling == "token" else 16
    for name in ("encoder1", "encoder2"):
        weights = maps[f"{name}_mhsa"]
        assert weights.shape == (4, 2, tokens, tokens)
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
        assert f"{name}_add2_se" in maps
    assert "block2_pool_eca" in maps
    # Other images, other maps.
    _, maps = AttentionExtractor(loaded).predict(x[:, :48, :33], verbose=0)
    tokens = 3 * 2 + (pooling == "token")
    assert maps["encoder2_mhsa"].shape == (4, 2, tokens, tokens)


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="shapes are static on the other backends",
)
def test_a_dataset_of_unknown_size_trains():
    import tensorflow as tf

    x = np.random.default_rng(0).normal(size=(2, 64, 48, 3)).astype("float32")
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([(x, np.array([0, 1]))]),
        output_signature=(
            tf.TensorSpec((None, None, None, 3), tf.float32),
            tf.TensorSpec((None,), tf.int64),
        ),
    )
    arguments = {**TINY, "input_shape": (None, None, 3), "dropout": 0.0}
    model = VGG16BNTransformer(**arguments)
    p = keras.ops.convert_to_numpy(model(x, training=True))
    expected = -np.log(p[[0, 1], [0, 1]]).mean()
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(dataset, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_channels_first_is_the_transposed():
    x = np.random.default_rng(0).normal(size=(2, 64, 64, 3))
    last = randomized(VGG16BNTransformer(**TINY))
    expected = last.predict(x, verbose=0)
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        first = VGG16BNTransformer(**{**TINY, "input_shape": (3, 64, 64)})
    finally:
        keras.config.set_image_data_format(before)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(
        first.predict(x.transpose(0, 3, 1, 2), verbose=0), expected, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 0}, "classes=0"),
        ({"block": "block3"}, "'block4', 'block5'.*block='block3'"),
        ({"num_blocks": 0}, "num_blocks=0"),
        ({"num_heads": 0}, "num_heads=0"),
        ({"num_heads": 3}, "divisor of token_dim=16.*num_heads=3"),
        ({"token_dim": 2.5}, "token_dim=2.5"),
        ({"hidden_dim": -1}, "hidden_dim=-1"),
        ({"pooling": "max"}, "'token', 'mean'.*pooling='max'"),
        ({"dropout": 1}, "dropout=1"),
        ({"classifier_activation": "sofmax"}, "Did you mean 'softmax'"),
        ({"return_attention_scores": "yes"}, "return_attention_scores='yes'"),
        ({"width_multiplier": 0.3}, "multiple of 1/64.*multiplier=0.3"),
        ({"input_shape": (31, 32, 3)}, r"at least 32.*\(31, 32, 3\)"),
        ({"weights": "imagnet"}, "imagnet"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        VGG16BNTransformer(**{**TINY, **arguments})
