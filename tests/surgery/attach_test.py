"""Attention put into networks, and taken out again."""

import zlib

import keras
import numpy as np
import pytest
from choice import first
from gradients import not_on_jax
from keras import ops

from keras_attention import alignments
from keras_attention import attach
from keras_attention import compare_weights
from keras_attention import detach
from keras_attention import layers
from keras_attention.surgery import graph
from keras_attention.surgery import insertion

KEYS = insertion.insertable_keys()
CHOSEN = ["cbam", "mhsa", "nonlocal"]


def network(name="small"):
    """Two blocks, with dropout and batch statistics, on 12 x 12 images."""
    inputs = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", name="block1_conv")(inputs)
    x = keras.layers.BatchNormalization(name="block1_bn")(x)
    x = keras.layers.ReLU(name="block1_relu")(x)
    x = keras.layers.MaxPooling2D(name="block1_pool")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", name="block2_conv")(x)
    x = keras.layers.MaxPooling2D(name="block2_pool")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    x = keras.layers.Dense(3, name="predictions")(x)
    return randomised(keras.Model(inputs, x, name=name))


def randomised(model):
    """Every weight at random, so that no comparison passes vacuously.

    Positive and small: no unit is dead, and no gate or softmax is saturated.
    The same at the same path.
    """
    for weight in model.weights:
        if weight.name != "gain":
            rng = np.random.default_rng(zlib.crc32(weight.path.encode()))
            weight.assign(rng.uniform(0.1, 0.3, weight.shape))
    return model


def images(size=12, count=4):
    rng = np.random.default_rng(1)
    return rng.normal(size=(count, size, size, 3)).astype("float32")


def predicted(model, x):
    return keras.tree.map_structure(ops.convert_to_numpy, model(x))


def expect_equal(first, second):
    keras.tree.map_structure(np.testing.assert_array_equal, first, second)


def train(model, x, steps=3):
    y = np.arange(len(x)) % 3
    model.compile(
        keras.optimizers.SGD(0.2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(x, y, epochs=steps, batch_size=len(x), verbose=0)


def names(model):
    return [layer.name for layer in model.layers]


@not_on_jax
@pytest.mark.parametrize(
    "key",
    first(2, [*CHOSEN, *(key for key in KEYS if key not in CHOSEN)]),
)
def test_starts_as_the_identity_trains_saves_and_detaches(key, tmp_path):
    model, x = network(), images()
    attached = attach(model, {"block*_pool": key})
    expect_equal(predicted(attached, x), predicted(model, x))

    randomised(attached)
    expect_equal(predicted(attached, x), predicted(model, x))
    added = [w for w in attached.weights if f"_pool_{key}/" in w.path]

    start = [np.array(ops.convert_to_numpy(w)) for w in added]
    train(attached, x)
    unmoved = [
        weight.path
        for before, weight in zip(start, added, strict=True)
        if np.array_equal(before, ops.convert_to_numpy(weight))
    ]
    # Of a key's bias, under a softmax, and of a value's, in front of a batch
    # normalization, the gradient is zero by mathematics.
    free = ("key/bias", "value/bias")
    assert [path for path in unmoved if not path.endswith(free)] == []

    path = tmp_path / "attached.keras"
    attached.save(path)
    loaded = keras.saving.load_model(path)
    expect_equal(predicted(loaded, x), predicted(attached, x))
    assert names(detach(loaded)) == names(model)


@not_on_jax
def test_detaching_gives_the_original_back_bit_for_bit(tmp_path):
    model, x = network(), images()
    attached = attach(model, {"block*_pool": "cbam", "block1_relu": "mhsa"})
    for layer in attached.layers:
        layer.trainable = "cbam" in layer.name or "mhsa" in layer.name
    train(attached, x)
    assert np.abs(predicted(attached, x) - predicted(model, x)).max() > 0
    attached.save(tmp_path / "attached.keras")
    loaded = keras.saving.load_model(tmp_path / "attached.keras")
    for trained in (attached, loaded):
        expect_equal(predicted(detach(trained), x), predicted(model, x))
    report = compare_weights(model, detach(attached))
    assert report.kept and not report.new + report.changed + report.missing


def test_some_attention_can_be_taken_out():
    attached = attach(network(), {"block1_pool": "se", "block2_pool": "eca"})
    assert "block1_pool_se" not in names(detach(attached, "*_se"))
    assert "block2_pool_eca" in names(detach(attached, "block1_pool_se"))
    assert names(detach(attached, layers.AttentionLayer2D)) == names(network())
    with pytest.raises(ValueError, match="'block1_pool', which makes"):
        detach(attached, "block1_pool")
    with pytest.raises(ValueError, match="where names 'se'"):
        detach(attached, "se")
    with pytest.raises(ValueError, match="no attention layer"):
        detach(network())


def test_weights_that_the_model_returns_keep_their_layer():
    features = keras.Input((4, 4, 2))
    maps = layers.get("se", name="se")(features, return_attention_scores=True)
    with pytest.raises(ValueError, match="one map that keep its shape.*'se'"):
        detach(keras.Model(features, maps))


def test_the_original_is_left_alone_also_by_training():
    model, x = network(), images()
    model.compile("sgd", "mse")
    model.get_layer("block1_conv").trainable = False
    before, config = predicted(model, x), model.get_config()
    attached = attach(model, {"block1_pool": "se"})
    assert not attached.compiled
    train(attached, x)
    expect_equal(predicted(model, x), before)
    assert model.get_config() == config
    attached.get_layer("block2_conv").trainable = False
    assert model.get_layer("block2_conv").trainable


def test_a_feature_extractor_sees_the_attention():
    model, x = network(), images()
    attached = attach(model, {"block1_pool": layers.get("se")}, False)
    layer = attached.get_layer("block1_pool_se")
    assert not layer.identity_init
    extractor = keras.Model(attached.input, layer.output)
    assert predicted(extractor, x).shape == (4, 6, 6, 8)


@not_on_jax
def test_shared_layers():
    model, x = network(), images()
    before = predicted(model, x)
    attached = attach(model, {"block1_pool": "se"}, share_layers=True)
    conv = attached.get_layer("block2_conv")
    assert conv is model.get_layer("block2_conv")
    # The first call of the layer: it belongs to the old model's graph.
    with pytest.raises(ValueError, match="image"):
        keras.Model(attached.input, conv.output)
    assert predicted(keras.Model(model.input, conv.output), x).shape[3] == 8
    expect_equal(predicted(attached, x), before)
    train(attached, x)
    assert np.abs(predicted(model, x) - before).max() > 0
    assert compare_weights(model, attached).changed == []


def test_names_are_unique_and_tell_the_mechanism():
    class TwoFold(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    attached = attach(
        network(),
        {
            "block1_conv": TwoFold(),
            "block1_bn": keras.layers.LayerNormalization,
            "block1_pool": layers.SqueezeAndExcite2D(reduction_ratio=2),
            "block2_pool": layers.serialize(layers.get("eca")),
        },
    )
    assert names(attached)[2:7:2] == [
        "block1_conv_two_fold",
        "block1_bn_layer_normalization",
        "block1_pool",
    ]
    assert attached.get_layer("block1_pool_se").reduction_ratio == 2
    assert "block2_pool_eca" in names(attached)
    again = attach(attached, {"block1_bn": "cbam"})
    assert names(detach(again, "*_cbam")) == names(attached)
    norm = keras.layers.LayerNormalization
    third = attach(attached, {"block1_bn": norm})
    assert "block1_bn_layer_normalization_2" in names(third)


def test_an_instance_is_copied_once_a_place():
    given = layers.get("se", identity_init=False)
    attached = attach(network(), {"block*_pool": given})
    first, second = (attached.get_layer(f"block{n}_pool_se") for n in (1, 2))
    assert first is not second and not given.built
    assert first.identity_init and second.identity_init


@not_on_jax
def test_nested_models():
    backbone = network("backbone")
    features = keras.Model(
        backbone.input, backbone.get_layer("block2_pool").output, name="body"
    )
    head = keras.Sequential(
        [
            keras.Input((3, 3, 8)),
            keras.layers.Conv2D(4, 1, name="mix"),
            keras.Sequential(
                [keras.layers.Conv2D(3, 1, name="last")], name="deep"
            ),
        ],
        name="head",
    )
    image = keras.Input((12, 12, 3))
    model = keras.Model(image, head(features(image)), name="whole")
    x = images()
    randomised(model)
    for attention in (
        {"body/block1_pool": "se"},
        {"head/mix": "eca"},
        {"head/deep/last": "eca"},
        {keras.layers.MaxPooling2D: "se", "body": "eca"},
    ):
        attached = attach(model, attention)
        expect_equal(predicted(attached, x), predicted(model, x))
        report = compare_weights(model, attached)
        assert len(report.kept) == len(model.weights) and report.new
        back = detach(attached)
        expect_equal(predicted(back, x), predicted(model, x))
        assert compare_weights(model, back).new == []
    assert attached.get_layer("body").get_layer("block2_pool_se").built


@pytest.mark.computing
def test_several_inputs_and_outputs():
    left = keras.Input((8, 8, 3), name="left")
    right = keras.Input((8, 8, 3), name="right", dtype="uint8")
    size = keras.Input((2,), name="size")
    a = keras.layers.Conv2D(4, 3, name="a")(left)
    b = keras.layers.Conv2D(4, 3, name="b")(keras.layers.Rescaling(0.1)(right))
    merged = a + b
    vector = keras.layers.GlobalMaxPooling2D()(ops.relu(merged))
    outputs = {
        "class": keras.layers.Dense(2)(
            keras.layers.Concatenate()([vector, size])
        ),
        "map": merged,
    }
    inputs = {"left": left, "right": right, "size": size}
    model = randomised(keras.Model(inputs, outputs))
    x = {
        "left": images(8),
        "right": np.full((4, 8, 8, 3), 7, "uint8"),
        "size": np.ones((4, 2), "float32"),
    }
    # The sum is a function of keras.ops, not a layer.
    attached = attach(model, {"a": "se", merged._keras_history[0].name: "eca"})
    assert set(attached.output) == {"class", "map"}
    expect_equal(predicted(attached, x), predicted(model, x))
    expect_equal(predicted(detach(attached), x), predicted(model, x))


@not_on_jax
def test_a_layer_that_is_called_twice_has_one_attention_layer():
    encoder = network("encoder")
    first, second = keras.Input((12, 12, 3)), keras.Input((12, 12, 3))
    conv = keras.layers.Conv2D(3, 1, name="shared")
    distance = encoder(conv(first)) - encoder(conv(second))
    model = randomised(keras.Model([first, second], distance))
    attached = attach(model, {"encoder/block2_pool": "cbam", "shared": "se"})
    added = [name for name in names(attached) if name == "shared_se"]
    assert added == ["shared_se"]
    x = [images(), images()[::-1]]
    expect_equal(predicted(attached, x), predicted(model, x))
    # The gain of each is one weight.
    new = compare_weights(model, attached).new
    assert sum(path.endswith("gain") for path in new) == 2
    # Trained, both arms still do the same.
    attached.get_layer("shared_se").gain.assign(1.0)
    same = predicted(attached, [images(), images()])
    expect_equal(same, np.zeros_like(same))


def test_a_sequential_model_becomes_functional():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.GlobalAveragePooling2D(),
        ],
        name="chain",
    )
    attached = attach(model, {"conv": "se"})
    assert attached.name == "chain"
    expect_equal(predicted(attached, images(8)), predicted(model, images(8)))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_dtype_policy_is_that_of_the_place(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy("float32")
    own = layers.get("eca", dtype="float32")
    attached = attach(model, {"block1_pool": "se", "block2_pool": own})
    assert attached.get_layer("block1_pool_se").dtype_policy.name == policy
    assert (
        attached.get_layer("block2_pool_eca").dtype_policy == own.dtype_policy
    )
    expect_equal(
        predicted(attached, images()).astype("float32"),
        predicted(model, images()).astype("float32"),
    )


def test_channels_first():
    keras.config.set_image_data_format("channels_first")
    try:
        inputs = keras.Input((3, 8, 10))
        x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
        x = keras.layers.BatchNormalization(axis=1, name="norm")(x)
        x = keras.layers.MaxPooling2D(name="pool")(x)
        model = keras.Model(inputs, x)
    finally:
        keras.config.set_image_data_format("channels_last")
    attached = attach(model, {"conv": "se", "norm": "cbam", "pool": "mhsa"})
    for name in ("conv_se", "norm_cbam", "pool_mhsa"):
        assert attached.get_layer(name).data_format == "channels_first"
    assert attached.output_shape == (None, 4, 4, 5)


def test_the_data_format_is_that_of_the_nearest_layer_before():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="last")(inputs)
    x = keras.layers.BatchNormalization(name="norm_last")(x)
    x = keras.layers.Permute((3, 1, 2), name="turn")(x)
    first = {"data_format": "channels_first", "name": "first"}
    x = keras.layers.ZeroPadding2D(**first)(x)
    x = keras.layers.BatchNormalization(axis=1, name="norm_first")(x)
    model = keras.Model(inputs, x)
    attached = attach(model, {"norm_*": "se"})
    for layout in ("last", "first"):
        layer = attached.get_layer(f"norm_{layout}_se")
        assert layer.data_format == f"channels_{layout}"
    with pytest.raises(ValueError, match="'turn': no layer .* or they disag"):
        attach(model, {"turn": "se"})


def test_the_data_format_must_be_known():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Dense(4, name="dense")(inputs)
    model = keras.Model(inputs, x)
    with pytest.raises(ValueError, match="which axis has the channels"):
        attach(model, {"dense": "se"})
    told = attach(
        model, {"dense": layers.get("se", data_format="channels_first")}
    )
    assert told.get_layer("dense_se").data_format == "channels_first"


def test_frozen_layers_stay_frozen_and_attention_trains():
    model = network()
    model.trainable = False
    model.get_layer("block1_conv").trainable = True  # Not in a frozen model.
    image = keras.Input((12, 12, 3))
    whole = keras.Model(image, keras.layers.Dense(3, name="head")(model(image)))
    for frozen, prefix in ((model, ""), (whole, "small/")):
        attached = attach(frozen, {f"{prefix}block1_pool": "eca"})
        train(attached, images(), steps=2)
        changed = compare_weights(frozen, attached).changed
        assert [p for p in changed if not p.startswith("head")] == []
        trainable = [w.path for w in attached.trainable_weights]
        assert any("block1_pool_eca" in path for path in trainable)
        assert all(
            "block1_pool_eca" in path or path.startswith("head")
            for path in trainable
        )


def test_flags_of_single_weights_and_of_batch_normalization():
    model = network()
    model.get_layer("block1_bn").trainable = False
    model.get_layer("block2_conv").kernel.trainable = False
    attached = attach(model, {"block1_pool": "se"})
    assert not attached.get_layer("block1_bn").trainable
    assert not attached.get_layer("block2_conv").kernel.trainable
    assert attached.get_layer("block2_conv").bias.trainable


def test_quantization_and_lora():
    model, x = network(), images()
    model.get_layer("predictions").enable_lora(2)
    attention = attach(model, {"block1_pool": layers.get("mhsa", num_heads=2)})
    attention.get_layer("predictions").lora_kernel_b.assign_add(
        ops.ones((2, 3))
    )
    attention.quantize("int8")
    attached = attach(
        attention, {"block1_pool_mhsa": "se", "block1_conv": "eca"}
    )
    expect_equal(predicted(attached, x), predicted(attention, x))
    assert compare_weights(attention, attached).missing == []
    dense = attached.get_layer("predictions")
    assert dense.lora_enabled and dense.quantization_mode == "int8"
    policy = attached.get_layer("block1_pool_mhsa_se").dtype_policy
    assert policy.quantization_mode is None


def test_a_place_that_is_quantized_lends_its_float_policy():
    inputs = keras.Input((4, 4, 3))
    dense = keras.layers.Dense(6, name="dense", dtype="mixed_bfloat16")
    x = keras.layers.MaxPooling2D()(dense(inputs))
    model = keras.Model(inputs, x)
    model.quantize("int8")
    assert model.get_layer("dense").quantization_mode == "int8"
    attached = attach(model, {"dense": "se"})
    policy = attached.get_layer("dense_se").dtype_policy
    assert policy.name == "mixed_bfloat16"


def test_random_seeds_and_adapted_statistics_come_along():
    inputs = keras.Input((8, 8, 3))
    norm = keras.layers.Normalization(name="norm")
    norm.adapt(3 * images(8) + 1)
    x = keras.layers.Conv2D(4, 3, name="conv")(norm(inputs))
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(inputs, keras.layers.Lambda(lambda t: t + 1)(x))
    model(images(8), training=True)  # Moves the seed on.
    attached = attach(model, {"conv": "se"})
    expect_equal(predicted(attached, images(8)), predicted(model, images(8)))
    seeds = [
        {
            variable.name: ops.convert_to_numpy(variable)
            for variable in each.variables
            if variable.name == "seed_generator_state"
        }
        for each in (model, attached)
    ]
    assert seeds[0]
    expect_equal(*seeds)


class Twice(keras.Model):
    """A subclassed model whose part has a name of Keras' choice."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        """Twice."""
        return self.dense(self.dense(inputs))


class Uncopiable(keras.layers.Layer):
    """No configuration."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def call(self, inputs):
        """Nothing."""
        return inputs


def with_a_leaf(leaf):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 3, name="conv")(leaf(inputs))
    return keras.Model(inputs, x)


@pytest.mark.computing
def test_a_subclassed_model_inside_is_copied_as_a_layer():
    model = with_a_leaf(Twice(name="twice"))
    attached = attach(model, {"conv": "se", "twice": "eca"})
    expect_equal(predicted(attached, images(8)), predicted(model, images(8)))
    with pytest.raises(ValueError, match="inside 'twice', a Twice and not"):
        attach(model, {"twice/dense": "se"})


def test_what_cannot_be_copied_can_be_shared():
    model = with_a_leaf(Uncopiable(3))
    with pytest.raises(ValueError, match="cannot be copied.*share_layers"):
        attach(model, {"conv": "se"})
    attached = attach(model, {"conv": "se"}, share_layers=True)
    expect_equal(predicted(attached, images(8)), predicted(model, images(8)))


def test_weights_outside_of_the_graph_are_not_lost_in_silence():
    model = network()
    model.extra = keras.layers.Dense(2, name="extra")
    model.extra.build((None, 3))
    with pytest.raises(ValueError, match="Lost: extra/kernel, extra/bias"):
        attach(model, {"block1_pool": "se"})


def test_a_functional_class_is_kept():
    class Trainer(keras.Model):
        def __init__(self, *args, factor=1, **kwargs):
            super().__init__(*args, **kwargs)
            self.factor = factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    plain = network()
    model = Trainer(plain.input, plain.output, factor=3, name="trainer")
    attached = attach(model, {"block1_pool": "se"})
    assert isinstance(attached, Trainer) and attached.factor == 3


def test_a_class_without_a_configuration_of_its_own_is_copied():
    class Naive(keras.layers.Layer):
        def call(self, x):
            return x

    attached = attach(network(), {"block1_pool": Naive})
    assert isinstance(attached.get_layer("block1_pool_naive"), Naive)


@pytest.mark.parametrize(
    "what, message",
    [
        ("sé", "Unknown attention layer"),
        ("attn_pool", "'attn_pool'. Valid keys: 'aa_conv', 'cbam'"),
        ("gate", "need no query.*'gate'. Valid keys"),
        (keras.layers.GlobalAveragePooling2D, r"becomes \(None, 8\)"),
        (keras.layers.Conv2D(4, 1), r"6, 8\) becomes \(None, 6, 6, 4\)"),
        (keras.layers.Conv2D, "Conv2D cannot be made"),
        (layers.get("mhsa", num_heads=3), "cannot follow 'block1_pool'.*divi"),
        (Uncopiable(3), "cannot be copied to its places"),
        (5, "must be a key, a class"),
        (alignments.SoftmaxAlignment, "a layer on maps, not a part of one"),
    ],
)
def test_bad_layers(what, message):
    model = network()
    config = model.get_config()
    with pytest.raises(ValueError, match=message):
        attach(model, {"block1_pool": what})
    assert model.get_config() == config


@pytest.mark.parametrize(
    "attention, message",
    [
        ({}, "attention: expected a dictionary.*at least one place"),
        ("se", "attention: expected a dictionary"),
        ({"block1_pool": "se", "*1_pool": "eca"}, "'block1_pool' twice: by"),
        ({"mean": "se"}, r"one map of rank 4.*\(None, 8\)"),
        ({"block1_poll": "se"}, "Did you mean 'block1_pool'"),
        ({"image": "se"}, "'image', an input of the model"),
        ({"*": "se"}, "'image', an input of the model"),
        ({"residual_adds": "se"}, "the model has none"),
        ({keras.layers.Conv3D: "se"}, "no layer of the model.*class"),
        ({3: "se"}, "argument attention: expected the name.*Received: 3"),
    ],
)
def test_bad_places(attention, message):
    with pytest.raises(ValueError, match=message):
        attach(network(), attention)


def test_a_place_with_attention_is_taken():
    attached = attach(network(), {"block1_pool": "se"})
    for where in ("block1_pool", "block1_p*", keras.layers.MaxPooling2D):
        with pytest.raises(ValueError, match="already: 'block1_pool_se'"):
            attach(attached, {where: "eca"})
    stacked = attach(attached, {"block1_pool_se": "eca"})
    assert "block1_pool_se_eca" in names(stacked)
    # Only the relu matches: attention is left out.
    new = attach(attached, {lambda x: x.name == "block1_relu": "eca"})
    assert "block1_relu_eca" in names(new)
    with pytest.raises(ValueError, match="matches no layer"):
        attach(attached, {"*_se": "eca"})


@pytest.mark.parametrize(
    "model, message",
    [
        (Twice(), "subclassed"),
        (keras.Sequential([keras.layers.Dense(3)]), "unknown input shape"),
        (3, "functional or sequential keras.Model"),
    ],
)
@pytest.mark.parametrize("function", [lambda m: attach(m, {"a": "se"}), detach])
def test_bad_models(model, message, function):
    with pytest.raises(ValueError, match=message):
        function(model)


@pytest.mark.parametrize("argument", ["identity_init", "share_layers"])
def test_bad_switches(argument):
    with pytest.raises(ValueError, match=argument):
        attach(network(), {"block1_pool": "se"}, **{argument: 1})


def test_the_graph_is_read_once(monkeypatch):
    read = []

    class Counting(graph.Graph):
        def __init__(self, model):
            read.append(model.name)
            super().__init__(model)

    monkeypatch.setattr(graph, "Graph", Counting)
    inputs = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    inner = keras.Model(inputs, maps, name="inner")
    outer = keras.Sequential([keras.Input((8, 8, 3)), inner], name="outer")
    attached = attach(outer, {"inner/conv": "se"})
    assert sorted(read) == ["inner", "outer"]
    detach(attached)
    assert sorted(read) == ["inner", "inner", "outer", "outer"]
