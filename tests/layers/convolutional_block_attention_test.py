"""CBAM is its two halves, in either order, with or without the map itself."""

import keras
import numpy as np
import pytest

from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.layers.channel_attention import ChannelAttention2D
from keras_attention.layers.convolutional_block_attention import (
    ConvolutionalBlockAttention2D,
)
from keras_attention.layers.spatial_attention import SpatialAttention2D
from keras_attention.testing import BrokenPromises
from keras_attention.testing import check_attention_layer

pytestmark = pytest.mark.computing


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 5, 6, 8)).astype("float32")


def build(features, **arguments):
    """A block with random weights, and its halves apart from it."""
    block = ConvolutionalBlockAttention2D(reduction_ratio=2, **arguments)
    block.build(features.shape)
    rng = np.random.default_rng(1)
    block.set_weights([rng.random(w.shape) for w in block.weights])
    halves = ChannelAttention2D(reduction_ratio=2), SpatialAttention2D()
    for half, part in zip(halves, (block.channel, block.spatial), strict=True):
        half.build(features.shape)
        half.set_weights(part.get_weights())
    return block, *halves


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("order", ["channel_first", "spatial_first"])
def test_equals_its_halves(features, order, residual, masked):
    block, channel, spatial = build(features, order=order, residual=residual)
    mask = np.ones((2, 5, 6), bool)
    if masked:
        mask[:, 1:3] = False
        features[:, 1:3] = np.nan
    outputs, weights = block(features, mask=mask, return_attention_scores=True)
    halves = [channel, spatial]
    if order == "spatial_first":
        halves.reverse()
    expected = halves[1](halves[0](features, mask=mask), mask=mask)
    expected = keras.ops.convert_to_numpy(expected)
    if residual:
        expected = expected + np.where(mask[..., None], features, 0)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), expected, atol=1e-6
    )
    gated = (
        features if order == "spatial_first" else channel(features, mask=mask)
    )
    _, maps = spatial(gated, mask=mask, return_attention_scores=True)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights),
        keras.ops.convert_to_numpy(maps),
        atol=1e-6,
    )


def test_halves_record_their_weights(features):
    inputs = keras.Input(features.shape[1:])
    outputs = ConvolutionalBlockAttention2D(name="cbam")(inputs)
    model = keras.Model(inputs, outputs)
    _, weights = AttentionExtractor(model).predict(features, verbose=0)
    assert weights["cbam/channel"].shape == (2, 1, 1, 8)
    assert weights["cbam/spatial"].shape == (2, 1, 5, 6)
    assert weights_kinds(model, weights) == {
        "cbam/channel": "channel",
        "cbam/spatial": "spatial",
    }


@pytest.mark.parametrize("half", ["channel", "spatial"])
def test_replaced_weights_of_a_half_are_used(features, half):
    inputs = keras.Input(features.shape[1:])
    outputs = ConvolutionalBlockAttention2D(name="cbam")(inputs)
    model = keras.Model(inputs, outputs)
    blind = AttentionExtractor(
        model, lambda name, w: 0 * w if name == f"cbam/{half}" else w
    )
    outputs, _ = blind.predict(features, verbose=0)
    np.testing.assert_array_equal(outputs, 0)


def test_only_the_block_has_a_layout_and_a_gain(features):
    block = ConvolutionalBlockAttention2D(
        data_format="channels_first", identity_init=True
    )
    outputs = block(features.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(outputs), features.transpose(0, 3, 1, 2)
    )
    gains = [w.path for w in block.weights if w.path.endswith("gain")]
    assert gains == [f"{block.name}/gain"]
    for half in (block.channel, block.spatial):
        assert half.data_format == "channels_last"


def test_block_that_is_frozen_before_it_is_built_keeps_its_statistics(features):
    for block in (
        ConvolutionalBlockAttention2D(trainable=False),
        ConvolutionalBlockAttention2D(),
    ):
        block.trainable = False
        block(features)
        before = block.get_weights()
        block(features, training=True)
        for old, new in zip(before, block.get_weights(), strict=True):
            np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"reduction_ratio": 0}, "reduction_ratio=0"),
        ({"hidden_dim": 1.5}, "hidden_dim=1.5"),
        ({"kernel_size": 2}, "kernel_size=2"),
        ({"normalization": "group"}, "normalization='group'"),
        ({"order": "both"}, "'channel_first', 'spatial_first'.*order='both'"),
        ({"residual": 1}, "residual=1"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionalBlockAttention2D(**arguments)


@keras.saving.register_keras_serializable("broken")
class ReturnsOtherWeights(ConvolutionalBlockAttention2D):
    """Returns weights that neither of its halves recorded."""

    def attend(self, features, query, mask, training):
        outputs, weights = super().attend(features, query, mask, training)
        return outputs, weights / 2


def test_returned_weights_must_be_recorded_by_one_half():
    with pytest.raises(BrokenPromises, match="among the recorded"):
        check_attention_layer(
            ReturnsOtherWeights, (2, 6, 5, 8), checks=["inspection"]
        )
