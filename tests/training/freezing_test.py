"""What is frozen stays bit for bit what it was; the rest trains."""

import keras
import numpy as np
import pytest

from keras_attention import layers
from keras_attention.training import freeze


def network():
    """Two blocks inside a model, attention and a head."""
    inputs = x = keras.Input((6, 6, 2))
    for name in ("block1", "block2"):
        x = keras.layers.Conv2D(3, 3, padding="same", name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    base = keras.Model(inputs, x, name="base")
    inputs = keras.Input((6, 6, 2))
    x = base(inputs)
    x = layers.get("eca", name="attention")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


def values(model):
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}


def moved(model):
    """Paths of what one step changes."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(4, 6, 6, 2)), rng.normal(size=(4, 2))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = values(model)
    model.train_on_batch(images, labels)
    after = values(model)
    return {p for p in before if not np.array_equal(before[p], after[p])}


BLOCK2 = {"block2_conv/kernel", "block2_conv/bias"}
NORM2 = {f"block2_bn/{n}" for n in ("beta", "moving_mean", "moving_variance")}


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_what_is_frozen_stays():
    model = network()
    model.trainable = False  # Which is said of all layers and of the model.
    attention = model.get_layer("attention").weights
    head = {*(w.path for w in attention), "head/kernel", "head/bias"}
    trained = freeze(model)
    assert moved(model) == head and len(attention) > 0
    assert trained.layers == ["attention", "head"]
    assert trained.parameters == 8 + sum(np.prod(w.shape) for w in attention)
    assert trained.total == model.count_params()

    again = freeze(model, before="base/block2")
    assert again.compile_again and not trained.compile_again
    assert str(again).endswith(
        "block2_conv, attention, head. Compile the model again."
    )
    assert moved(model) == head | BLOCK2

    freeze(model, before="base/block2", batch_normalization=True)
    # The scale of what is normalized behind is as good as free.
    assert moved(model) - {"block2_bn/gamma"} == head | BLOCK2 | NORM2
    freeze(model)
    assert moved(model) == head


def test_a_squeeze_in_the_backbone_is_no_head():
    inputs = keras.Input((6, 6, 2))
    squeezed = keras.layers.GlobalAveragePooling2D()(inputs)
    scale = keras.layers.Dense(2, name="squeeze")(squeezed)
    scale = keras.layers.Reshape((1, 1, 2))(scale)
    x = keras.layers.Multiply()([inputs, scale])
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    assert freeze(model).layers == ["head"]
    assert freeze(model, before="squeeze").layers == ["squeeze", "head"]


def test_a_shortcut_of_the_block_trains_with_it():
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(2, 1, name="block1_conv")(inputs)
    short = keras.layers.Conv2D(2, 1, name="block2_shortcut")(x)
    x = keras.layers.Conv2D(2, 1, name="block2_conv")(x)
    x = keras.layers.Flatten()(keras.layers.Add()([x, short]))
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    expected = {"block2_shortcut", "block2_conv", "head"}
    assert {*freeze(model, before="block2").layers} == expected


def test_bad_input():
    model = network()
    with pytest.raises(ValueError, match=r"before names 'block2'.*base/block2"):
        freeze(model, before="block2")
    with pytest.raises(ValueError, match="batch_normalization.*1"):
        freeze(model, batch_normalization=1)
    with pytest.raises(ValueError, match="Nothing would train"):
        freeze(model.get_layer("base"))
