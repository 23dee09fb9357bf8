"""Steps with a learning rate for each layer, beside NumPy's."""

import keras
import numpy as np
import pytest

from keras_attention.surgery.graph import read_graph
from keras_attention.training import averaged
from keras_attention.training import compile_fine_tuning
from keras_attention.training import discriminative
from keras_attention.training import freeze
from keras_attention.training import network_parts

IMAGES = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
LABELS = np.zeros((4, 2), "float32")


def network():
    """Two linear layers."""
    inputs = keras.Input((3,))
    x = keras.layers.Dense(2, use_bias=False, name="a")(inputs)
    x = keras.layers.Dense(2, use_bias=False, name="b")(x)
    return keras.Model(inputs, x)


@keras.saving.register_keras_serializable(package="rates_test")
def mean(labels, predictions):
    return keras.ops.mean(predictions, axis=-1)


def gradients(a, b):
    """Of the mean of `x a b`, by hand."""
    one = np.full((len(IMAGES), 2), 1 / (2 * len(IMAGES)))
    return IMAGES.T @ one @ b.T, (IMAGES @ a).T @ one


def fit(model, epochs=3, callbacks=()):
    model.fit(IMAGES, LABELS, 4, epochs, verbose=0, callbacks=callbacks)
    return [keras.ops.convert_to_numpy(v) for v in model.weights]


def adamw(weights, rates, decay, steps=3):
    """Loshchilov, Hutter: Decoupled Weight Decay Regularization."""
    weights = [w.astype("float64") for w in weights]
    m, v = [0.0, 0.0], [0.0, 0.0]
    for t in range(1, steps + 1):
        for i, gradient in enumerate(gradients(*weights)):
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.999 * v[i] + 0.001 * gradient**2
            step = m[i] / (1 - 0.9**t)
            root = np.sqrt(v[i] / (1 - 0.999**t)) + 1e-7 / np.sqrt(1 - 0.999**t)
            weights[i] = weights[i] * (1 - rates[i] * decay)
            weights[i] = weights[i] - rates[i] * step / root
    return weights


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_steps_are_numpys():
    model = network()
    before = model.get_weights()
    model.compile(
        discriminative(
            model, {"a": 0.1}, lambda factor: keras.optimizers.SGD(0.5 * factor)
        ),
        mean,
    )
    for seen, w, g, rate in zip(
        fit(model, 1), before, gradients(*before), (0.05, 0.5), strict=True
    ):
        np.testing.assert_allclose(seen, w - rate * g, 1e-5, 1e-6)
    before = model.get_weights()
    model.compile(
        discriminative(
            model,
            {"a": 0.1},
            lambda factor: keras.optimizers.AdamW(
                0.5 * factor, weight_decay=0.2
            ),
        ),
        mean,
    )
    for seen, expected in zip(
        fit(model), adamw(before, (0.05, 0.5), 0.2), strict=True
    ):
        np.testing.assert_allclose(seen, expected, 1e-4, 1e-4)


@pytest.mark.usefixtures("eagerly")
def test_saved_and_loaded_it_goes_on(tmp_path):
    model = network()
    compile_fine_tuning(
        model, mean, 0.1, 8, warm_up=0.5, rates={"a": 0.1, "b": 0.9}, ema=0.5
    )
    fit(model, callbacks=averaged())
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    state = [np.array(v) for v in model.optimizer.variables]
    loaded = [np.array(v) for v in again.optimizer.variables]
    assert len(state) == 10
    assert all(map(np.array_equal, state, loaded))
    assert all(map(np.array_equal, fit(model), fit(again)))


@pytest.mark.usefixtures("eagerly")
def test_only_what_trains_has_an_optimizer():
    inputs = x = keras.Input((4, 4, 1))
    for number in (1, 2, 3):
        x = keras.layers.Conv2D(2, 1, name=f"block{number}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"block{number}_bn")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(x))
    heights = network_parts.heights(read_graph(model))
    assert [
        heights.get(id(model.get_layer(name)))
        for name in ("block1_conv", "block1_bn", "block3_bn", "head")
    ] == [3, 3, 1, None]
    freeze(model, before="block2")
    compile_fine_tuning(
        model, "mse", 0.1, 10, warm_up=0, rates=0.5, weight_decay=0.0, ema=0.9
    )
    rates = [float(one.learning_rate) for one in model.optimizer.optimizers]
    assert sorted(rates) == pytest.approx([0.025, 0.05, 0.1])
    model.fit(np.ones((2, 4, 4, 1)), np.ones((2, 1)), verbose=0)
    compile_fine_tuning(model, "mse", 0.1, 10, rates={"block1": 0.1})
    assert isinstance(model.optimizer, keras.optimizers.AdamW)


def test_bad_input():
    model = network()

    def bad(rates, match):
        with pytest.raises(ValueError, match=match):
            discriminative(model, rates, keras.optimizers.SGD)

    bad({"c": 0.1}, "rates names 'c', which matches no layer")
    bad({"a": 0.1, keras.layers.Dense: 1}, "two factors")
    bad({"a": -1}, r"rates\['a'\].*above 0.*-1")
    bad(1.5, "rates.*at most 1")
    model.trainable = False
    bad({"a": 0.1}, "Nothing in the model trains")
