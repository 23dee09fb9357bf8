"""The language that names the places of a network."""

import keras
import pytest
from keras import layers

from keras_attention import VGG16BNAttention
from keras_attention import attach
from keras_attention import detach
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph


def found(model, where):
    return [
        place.path
        for place in places.find(read_graph(model), where, "attention")
    ]


def convolution(x, filters, name, strides=1):
    return layers.Conv2D(
        filters, 3, strides=strides, padding="same", name=name
    )(x)


def residual_network():
    """A stem, a block that keeps the size and one that halves it."""
    inputs = keras.Input((32, 32, 3), name="image")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    x = layers.ZeroPadding2D(name="border")(x)
    x = convolution(x, 8, "stem", 2)  # 17
    branch = convolution(x, 8, "keep")
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(branch)
    gate = layers.Conv2D(8, 1, name="excite")(gate)
    branch = layers.Multiply(name="weighted")([branch, gate])
    x = layers.Add(name="first_sum")([x, branch])
    branch = convolution(x, 16, "reduce")
    branch = layers.ZeroPadding2D(name="pad")(branch)
    branch = convolution(branch, 16, "halve", 2)  # 10
    short = layers.MaxPooling2D(padding="same")(layers.ZeroPadding2D()(x))
    x = branch + layers.Conv2D(16, 1, name="project")(short)
    x = layers.ReLU(name="last")(x)
    vector = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(2, name="dense")(vector))


def nested(model):
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, layers.ReLU(name="top")(model(inputs)))


def test_names_paths_and_globs():
    model = residual_network()
    model.name = "body"
    outer = nested(model)
    assert found(model, "stem") == ["stem"]
    assert found(model, "*[!2d]d") == ["weighted", "pad"]
    assert found(outer, "body/stem") == ["body/stem"]
    assert found(outer, "body/s*m*") == ["body/stem"]
    # A star stays inside its model.
    assert found(outer, "*o*") == ["body", "top"]
    with pytest.raises(ValueError, match="Did you mean 'body/stem'"):
        found(outer, "stem")


def test_classes_and_functions_look_into_nested_models():
    model = residual_network()
    model.name = "body"
    outer = nested(model)
    assert found(outer, layers.ReLU) == ["body/last", "top"]
    assert found(outer, lambda layer: layer.name == "stem") == ["body/stem"]


def test_residual_adds_are_layers_or_functions():
    model = residual_network()
    first, second = found(model, "residual_adds")
    assert first == "first_sum"
    # A function of keras.ops.
    place = read_graph(model).places[second]
    assert not isinstance(place.operation, keras.layers.Layer)
    attached = attach(model, {"residual_adds": "se"})
    assert "first_sum_se" in [layer.name for layer in attached.layers]


def test_a_sum_with_a_constant_merges_nothing():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    x = x + 3.0
    model = keras.Model(inputs, x + layers.GlobalMaxPooling2D(keepdims=True)(x))
    with pytest.raises(ValueError, match="residual_adds.*has none"):
        found(model, "residual_adds")


@pytest.mark.parametrize("wrap", [lambda model: model, nested])
def test_stage_ends(wrap):
    """In front of the branches that halve the size; neither the image nor
    the summary of a gate is a stage."""
    model = residual_network()
    model.name = "body"
    wrapped = wrap(model)
    prefix = "" if wrapped is model else "body/"
    assert found(wrapped, "stage_ends") == [
        f"{prefix}first_sum",
        f"{prefix}last",
    ]


def test_stage_ends_of_an_encoder_and_decoder():
    inputs = keras.Input((32, 32, 3))
    high = convolution(inputs, 4, "high")
    middle = convolution(layers.MaxPooling2D()(high), 4, "middle")
    low = convolution(layers.MaxPooling2D()(middle), 4, "low")
    up = layers.Concatenate()([layers.UpSampling2D()(low), middle])
    up = convolution(up, 4, "up")
    up = layers.Concatenate()([layers.UpSampling2D()(up), high])
    model = keras.Model(inputs, convolution(up, 1, "mask"))
    assert found(model, "stage_ends") == ["high", "middle", "low"]


def test_stage_ends_of_valid_convolutions_and_two_arms():
    arms = []
    inputs = [keras.Input((32, 32, 3)) for _ in range(2)]
    for name, x in zip("ab", inputs, strict=True):
        x = layers.Conv2D(4, 3, name=f"{name}1")(x)
        x = layers.Conv2D(4, 3, name=f"{name}2")(x)
        x = layers.AveragePooling2D(2, name=f"{name}3")(x)
        arms.append(x)
    x = layers.Conv2D(4, 3, name="both")(layers.Concatenate()(arms))
    model = keras.Model(inputs, layers.Flatten()(x))
    assert sorted(found(model, "stage_ends")) == ["a2", "b2", "both"]


def test_stage_ends_do_not_move_behind_attention():
    model = residual_network()
    attached = attach(model, {"stage_ends": "eca"})
    with pytest.raises(ValueError, match="already: 'first_sum_eca'"):
        attach(attached, {"stage_ends": "se"})


def test_stage_ends_need_known_sizes():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, convolution(inputs, 4, "conv"))
    with pytest.raises(ValueError, match="'stage_ends' needs .* known sizes"):
        found(model, "stage_ends")


def test_channels_first_sizes():
    inputs = keras.Input((3, 16, 16))
    x = layers.Conv2D(99, 3, data_format="channels_first", name="a")(inputs)
    x = layers.MaxPooling2D(data_format="channels_first", name="p")(x)
    x = layers.ReLU(name="b")(x)
    assert found(keras.Model(inputs, x), "stage_ends") == ["a", "b"]


def test_a_block_is_the_last_layer_that_goes_on_from_its_name():
    model = residual_network()
    model.name = "body"
    outer = nested(model)
    assert found(model, "first") == ["first_sum"]
    assert found(outer, "body/first") == ["body/first_sum"]
    attached = attach(model, {"first": "se"})
    assert "first_sum_se" in [layer.name for layer in attached.layers]
    # Attention that is there already is no end of a block.
    assert found(attached, "first") == ["first_sum"]
    with pytest.raises(ValueError, match="Did you mean 'first'"):
        found(model, "firts")


def test_one_language_for_networks_and_for_attach():
    arguments = {
        "input_shape": (32, 32, 3),
        "classes": 2,
        "width_multiplier": 1 / 64,
    }
    for where in ("block2", layers.ReLU):
        made = VGG16BNAttention({where: "se"}, identity_init=True, **arguments)
        given = attach(VGG16BNAttention(**arguments), {where: "se"})
        names = [[x.name for x in m.layers[1:]] for m in (made, given)]
        assert names[0] == names[1]
    for model in (made, given):
        assert model.get_layer("block1_relu1_se").identity_init
    drawn = VGG16BNAttention({"block2": "se"}, **arguments)
    assert not drawn.get_layer("block2_pool_se").identity_init
    kept = attach(VGG16BNAttention(**arguments), {"block2": "se"}, None)
    assert not kept.get_layer("block2_pool_se").identity_init


@pytest.mark.parametrize(
    "attention, message",
    [
        ({"stem": "se", "first": "eca", "st*m": "se"}, "'stem' twice"),
        ({"first": "se", "residual_adds": "se"}, "'first_sum' twice"),
        ({layers.ReLU: "se", "nothing*": "se"}, "matches no layer"),
        ({"stage_end": "se"}, "Did you mean 'stage_ends'"),
        ({"residual_add": "se"}, "Did you mean 'residual_adds'"),
        ({"stem": ["se", "eca"]}, r"'stem'.*one mechanism.*\['se', 'eca'\]"),
        ({"se": "stem"}, r"'se' is a mechanism.*\{place: 'se'\}"),
        ({"stm": "se"}, r"Did you mean 'stem'\? Layers"),
        ({"sum": "se"}, r"Did you mean '\*_sum'\? Layers"),
        ({3: "se"}, "Invalid place in argument attention: .*a block such as"),
        (["stem"], "expected a dictionary"),
        ("stem", "expected a dictionary"),
        ({}, "expected a dictionary"),
    ],
)
def test_bad_dictionaries_of_places(attention, message):
    with pytest.raises(ValueError, match=message):
        attach(residual_network(), attention)


def test_nothing_is_suggested_twice():
    inputs = keras.Input((8, 8, 3))
    x = convolution(convolution(inputs, 4, "one_expand"), 4, "one_expand_bn")
    with pytest.raises(ValueError, match=r"mean 'one_expand' or \S+bn'\?"):
        found(keras.Model(inputs, x), "one_expnd")


def test_numbers_that_keras_gives_make_no_block():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv2d_3")(inputs)
    x = layers.Conv2D(4, 3, name="conv2d_4")(x)
    model = keras.Model(inputs, x)
    with pytest.raises(ValueError, match="matches no layer"):
        found(model, "conv2d")


def test_what_detach_does_not_find():
    model = residual_network()
    with pytest.raises(ValueError, match=r"by name: \S+ where=name\)"):
        detach(model)
    with pytest.raises(ValueError, match=r"Did you mean '\*_se'"):
        detach(attach(model, {"stem": "se"}), "se")


def test_of_a_block_only_attention_is_taken_out():
    attached = attach(residual_network(), {"first": "se"})
    with pytest.raises(ValueError, match="matches no layer"):
        detach(residual_network(), "first")  # Ends in a sum.
    assert "first_sum_se" not in [
        x.name for x in detach(attached, "first").layers
    ]


def test_a_layer_is_no_place():
    model = residual_network()
    with pytest.raises(ValueError, match="Invalid place"):
        attach(model, {model.get_layer("stem"): "se"})
