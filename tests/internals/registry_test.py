"""Keys, classes, instances and configurations stand for layers."""

import keras
import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import layers
from keras_attention import scores

AXES = [scores, alignments, aggregations, layers]


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.__name__)
def test_every_key_makes_a_serializable_layer(axis):
    assert axis.available() == sorted(axis.available())
    for key in axis.available():
        layer = axis.get(key)
        again = axis.get(axis.serialize(layer))
        assert type(again) is type(layer)
        assert again.get_config() == layer.get_config()
        assert axis.get(layer) is layer
        assert type(axis.get(type(layer))) is type(layer)
        registered = keras.saving.get_registered_name(type(layer))
        assert registered == f"keras_attention>{type(layer).__name__}"


def test_configuration_goes_with_a_key_or_a_class():
    assert scores.get("additive", key_dim=7).key_dim == 7
    assert scores.get(scores.AdditiveScore, key_dim=7).key_dim == 7
    with pytest.raises(ValueError, match="only be combined"):
        scores.get(scores.AdditiveScore(), key_dim=7)


def test_a_serialized_layer_comes_back_unbuilt():
    layer = scores.get("additive")
    layer.build((None, 1, 4), (None, 9, 4))
    again = scores.get(scores.serialize(layer))
    assert not again.built
    again.build((None, 1, 6), (None, 9, 6))


@pytest.mark.parametrize(
    "axis, key, message",
    [
        (scores, "aditive", "Did you mean 'additive'"),
        (alignments, "sofmax", "Did you mean 'softmax'"),
        (layers, "lstm", "Unknown attention layer 'lstm'. Available: attn_p"),
        (layers, "cbamm", "Did you mean 'cbam'"),
        (scores, None, "must be a key, a class, an instance"),
        (scores, 3, "Received: 3"),
    ],
)
def test_unknown_identifiers(axis, key, message):
    with pytest.raises(ValueError, match=message):
        axis.get(key)


def test_unknown_arguments_are_named():
    with pytest.raises(ValueError, match="keydim"):
        scores.get("additive", keydim=3)


def test_families():
    assert layers.available(family="channel") == [
        "cbam_channel",
        "eca",
        "se",
    ]
    with pytest.raises(ValueError, match="Available: channel, channel_spatial"):
        layers.available(family="chanel")
