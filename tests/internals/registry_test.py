"""Keys, classes, instances and configurations stand for layers."""

import pathlib
import re
import sys
import types

import keras
import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import attach
from keras_attention import layers
from keras_attention import scores
from keras_attention.testing import check_attention_layer

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
        (
            layers,
            "lstm",
            "Unknown attention layer 'lstm'. Available: aa_conv, attn_p",
        ),
        (layers, "cbamm", "Did you mean 'cbam'"),
        (scores, None, "must be a key, a class, an instance"),
        (scores, 3, r"Received: 3\. .*by name"),
    ],
)
def test_unknown_identifiers(axis, key, message):
    with pytest.raises(ValueError, match=message):
        axis.get(key)


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.__name__)
def test_a_layer_of_another_kind_is_refused(axis):
    dense = keras.layers.Dense(3)
    other = layers if axis is scores else scores
    config = keras.saving.serialize_keras_object(dense)
    for wrong in (dense, config, other.get(other.available()[0])):
        with pytest.raises(ValueError, match="is a layer of class .*, or its"):
            axis.get(wrong)
    with pytest.raises(ValueError, match="is a class derived from .*Dense"):
        axis.get(keras.layers.Dense, units=3)


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


@pytest.fixture
def removed():
    """Takes out again what a test registers."""
    before = [(axis, dict(axis.registry._entries)) for axis in AXES]
    yield
    for axis, entries in before:
        axis.registry._entries.clear()
        axis.registry._entries.update(entries)


def test_layers_of_other_people(removed, tmp_path):
    @layers.register("mine", family="ours", search_space={"power": [2, 3]})
    class Mine2D(layers.AttentionLayer2D):
        def __init__(self, power=2, **kwargs):
            super().__init__(**kwargs)
            self.power = power

        def build_attention(self, features_shape, query_shape):
            pass

        def attend(self, features, query, mask, training):
            weights = keras.ops.sigmoid(
                keras.ops.mean(features, -1, keepdims=True)
            )
            outputs = features * weights**self.power
            return outputs, keras.ops.transpose(weights, (0, 3, 1, 2))

        def attention_shapes(self, features_shape, query_shape):
            return features_shape, (features_shape[0], 1, *features_shape[1:3])

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    assert "mine" in layers.available("ours")
    assert layers.get("mine", power=3).power == 3
    # Saved under the package that they come from, not under this one.
    package = Mine2D.__module__.partition(".")[0]
    assert keras.saving.get_registered_name(Mine2D) == f"{package}>Mine2D"
    inputs = keras.Input((8, 8, 4))
    maps = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    model = attach(keras.Model(inputs, maps), {"conv": "mine"})
    assert model.layers[-1].name == "conv_mine"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is Mine2D
    # A cell of a notebook that runs again.
    layers.register("mine")(Mine2D)
    with pytest.raises(ValueError, match="'mine' is taken by the attention"):
        layers.register("mine")(layers.SqueezeAndExcite2D)


def test_a_package_that_is_registered_already_is_kept(removed):
    @scores.register("theirs", aliases=("there",))
    @keras.saving.register_keras_serializable(package="elsewhere")
    class TheirScore(scores.DotScore):
        pass

    name = keras.saving.get_registered_name(TheirScore)
    assert name == "elsewhere>TheirScore"
    assert type(scores.get("there")) is TheirScore
    assert "there" not in scores.available()


@pytest.mark.parametrize(
    "key, cls, arguments, message",
    [
        ("softmax", alignments.SoftmaxAlignment, {}, None),
        ("softmax", alignments.SigmoidAlignment, {}, "'softmax' is taken"),
        ("gumbel", alignments.SigmoidAlignment, {}, "'gumbel' is taken"),
        ("soft max", alignments.SigmoidAlignment, {}, "lower-case identifier"),
        ("Softmax", alignments.SigmoidAlignment, {}, "lower-case identifier"),
        ("2d", alignments.SigmoidAlignment, {}, "lower-case identifier"),
        (None, alignments.SigmoidAlignment, {}, "lower-case identifier"),
        ("new", scores.DotScore, {}, "derived from Alignment"),
        ("new", alignments.SigmoidAlignment(), {}, "derived from Alignment"),
        ("new", None, {}, "derived from Alignment"),
        ("new", alignments.TopKAlignment, {"search_space": [4]}, "dictionary"),
        (
            "new",
            alignments.TopKAlignment,
            {"search_space": {"k": []}},
            "dictionary",
        ),
        (
            "new",
            alignments.TopKAlignment,
            {"search_space": {"k": [4, 0]}},
            "has k=0, which the class does not take",
        ),
        (
            "new",
            alignments.TopKAlignment,
            {"search_space": {"width": [4]}},
            "has width=4, which the class does not take",
        ),
        (
            "new",
            alignments.TopKAlignment,
            {"aliases": ("softmax",)},
            "'softmax' is taken",
        ),
        (
            "new",
            alignments.TopKAlignment,
            {"aliases": "best"},
            "tuple of names",
        ),
        ("softmax", 3, {}, "derived from Alignment"),
    ],
)
def test_what_cannot_be_registered(removed, key, cls, arguments, message):
    if message is None:
        assert alignments.register(key, **arguments)(cls) is cls
        return
    with pytest.raises(ValueError, match=message):
        alignments.register(key, **arguments)(cls)
    assert "new" not in alignments.available()


@pytest.mark.parametrize(
    "axis, alias, cls",
    [
        (scores, "bahdanau", "AdditiveScore"),
        (scores, "luong", "GeneralScore"),
        (layers, "self_attention", "MultiHeadSelfAttention2D"),
    ],
)
def test_names_that_people_type(axis, alias, cls):
    assert type(axis.get(alias)).__name__ == cls
    assert alias not in axis.available()


def test_former_names_of_arguments():
    layer = layers.get(
        {
            "class_name": "AttentionGate2D",
            "config": {"filters": 3},
            "module": "keras_attention.layers",
            "registered_name": "keras_attention>AttentionGate2D",
        }
    )
    assert layer.key_dim == 3
    with pytest.raises(ValueError, match="filters is called key_dim today"):
        layers.get("gate", filters=3)
    for config, message in (
        ({"filters": 3, "key_dim": 4}, "one argument key_dim, formerly"),
        ({"channels": 3}, "channels"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            layers.AttentionGate2D.from_config(config)


def test_the_layer_of_contributing_keeps_its_promises(removed, monkeypatch):
    page = pathlib.Path(__file__).parents[2] / "CONTRIBUTING.md"
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE
    )
    module = types.ModuleType("of_contributing")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, page, "exec"), vars(module))
    check_attention_layer(
        module.BrightnessAttention2D,
        (2, 6, 5, 8),
        checks=["config", "specs", "weights", "masking", "inspection"],
    )


def test_register_is_called_with_a_key():
    with pytest.raises(ValueError, match=r'@register\("my_attention"\)'):

        @layers.register
        class Naive2D(layers.AttentionLayer2D):
            pass


def test_a_layer_says_what_it_has_to_implement():
    class Naive2D(layers.AttentionLayer2D):
        def build(self, features_shape):
            pass

        def call(self, features):
            return features

    with pytest.raises(NotImplementedError, match="Naive2D.*attention_shapes"):
        Naive2D()(keras.Input((4, 4, 2)))
    for name in ("build_attention", "attend", "attention_shapes"):
        arguments = 4 if name == "attend" else 2
        with pytest.raises(NotImplementedError, match=name):
            getattr(Naive2D(), name)(*[None] * arguments)
