"""Schedules, averages, accumulation and mixed precision, beside NumPy's."""

import keras
import numpy as np
import pytest

from keras_attention import datasets
from keras_attention.training import Resumable
from keras_attention.training import averaged
from keras_attention.training import compile_fine_tuning
from keras_attention.training import warm_up_cosine

START, RATE, MOMENTUM = 2.0, 0.1, 0.5


def mean(labels, predictions):
    return keras.ops.mean(predictions, axis=-1)


def network(optimizer=None):
    """One weight, whose gradient is 1."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, None, False)]
    )
    model.layers[0].set_weights([np.full((1, 1), START)])
    if optimizer:
        model.compile(optimizer, mean)
    return model


def averaging():
    """Its weight falls by `RATE` a step."""
    return keras.optimizers.SGD(RATE, use_ema=True, ema_momentum=MOMENTUM)


def weight(model):
    return float(model.get_weights()[0][0, 0])


def average(weights, momentum=MOMENTUM):
    found = weights[0]
    for value in weights[1:]:
        found = momentum * found + (1 - momentum) * value
    return found


class Seen(keras.callbacks.Callback):
    """The weight that a callback sees at the end of each epoch."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.weights, self._stop_after = [], stop_after

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(weight(self.model))
        if epoch == self._stop_after:
            self.model.stop_training = True


# After epochs of 2 steps of 0.1 each.
LAST = [START - RATE * t for t in (1, 2, 3, 4, 5, 6)]
AVERAGES = [average(LAST[: 2 * epoch]) for epoch in (1, 2, 3)]


def fit(model, callbacks, epochs=3):
    ones = np.ones((4, 1), "float32")
    history = model.fit(
        ones,
        ones,
        batch_size=2,
        epochs=epochs,
        validation_data=(ones, ones),
        callbacks=callbacks,
        verbose=0,
    )
    return history.history


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_callbacks_see_what_fit_returns():
    model = network(
        keras.optimizers.SGD(RATE, use_ema=True, ema_momentum=MOMENTUM)
    )
    seen, before = Seen(), Seen()
    history = fit(model, [before, *averaged([seen])])
    np.testing.assert_allclose(seen.weights, AVERAGES, 1e-6)
    np.testing.assert_allclose(before.weights, LAST[1::2], 1e-6)
    np.testing.assert_allclose(history["val_loss"], AVERAGES, 1e-6)
    assert weight(model) == seen.weights[-1]


@pytest.mark.usefixtures("eagerly")
def test_a_training_that_is_stopped_returns_the_average():
    def stopped(callbacks):
        model = network(averaging())
        fit(model, callbacks)
        return weight(model)

    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    assert stopped(averaged([Seen(1)])) == pytest.approx(AVERAGES[1])
    # Why it is not Keras' callback.
    assert stopped([swap, Seen(1)]) == pytest.approx(LAST[3])


def test_nothing_is_averaged():
    with pytest.raises(ValueError, match="averages the weights"):
        fit(network("sgd"), averaged(), 1)


@pytest.mark.usefixtures("eagerly")
def test_goes_on_with_rates_and_averages(tmp_path):
    images = np.random.default_rng(0).random((6, 2, 1, 1), "float32")

    def train(folder, epochs, rate=0.1):
        keras.utils.set_random_seed(0)
        data = datasets.batches(
            datasets.from_arrays(images, np.arange(6) % 2), 2, seed=0
        )
        inputs = keras.Input((2, 1, 1))
        x = keras.layers.Flatten(name="flat")(inputs)
        x = keras.layers.Dense(2, name="a")(x)
        model = keras.Model(inputs, keras.layers.Dense(2, name="b")(x))
        compile_fine_tuning(
            model,
            keras.losses.SparseCategoricalCrossentropy(True),
            0.1,
            9,
            rates={"a": rate},
            accumulate=2,
            ema=0.9,
        )
        Resumable(tmp_path / folder).fit(
            model, data, epochs, averaged(), verbose=0
        )
        return model.get_weights()

    whole = train("whole", 3)
    train("parts", 2)
    with pytest.raises(ValueError, match=r"another training: optimizer"):
        train("parts", 3, rate=0.2)
    assert all(map(np.array_equal, train("parts", 3), whole))


def test_the_schedule_at_known_steps():
    rate = warm_up_cosine(0.4, 50, warm_up=0.2)
    steps = np.arange(51)
    expected = np.where(
        steps < 10,
        0.4 * steps / 10,
        0.2 * (1 + np.cos(np.pi * (steps - 10) / 40)),
    )
    seen = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-7)
    assert float(warm_up_cosine(0.4, 50, 0.0)(0)) == pytest.approx(0.4)
    for bad in ((0, 50), (0.1, 0), (0.1, 5, 1.0)):
        with pytest.raises(ValueError, match="Invalid value for argument"):
            warm_up_cosine(*bad)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_accumulation_counts_batches_and_averages_updates():
    model = network()
    compile_fine_tuning(
        model,
        mean,
        RATE,
        8,
        warm_up=0,
        weight_decay=0.0,
        accumulate=2,
        ema=0.25,
    )
    seen, last = Seen(), Seen()
    ones = np.ones((8, 1), "float32")
    model.fit(ones, ones, 2, callbacks=[last, *averaged([seen])], verbose=0)
    # Adam with a gradient of 1 moves by the rate: at batches 2 and 4 of 8.
    rates = [RATE / 2 * (1 + np.cos(np.pi * t / 8)) for t in range(8)]
    assert float(model.optimizer.learning_rate) == pytest.approx(rates[4])
    first = START - rates[1]
    second = first - rates[3]
    assert last.weights == pytest.approx([second])
    # Twice half of a momentum of 0.25, beginning with the second batch.
    weights = [first, first, second]
    assert int(model.optimizer.iterations) == 2
    assert model.optimizer.ema_momentum == 0.5
    assert seen.weights == pytest.approx([average(weights)])


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_float16_scales_the_loss():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="a", dtype="mixed_float16")(inputs)
    x = keras.layers.Dense(2, name="b", dtype="mixed_float16")(x)
    model = keras.Model(inputs, x)
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    compile_fine_tuning(
        model, "mse", 0.1, 8, warm_up=0, rates={"a": 0.5}, accumulate=2, ema=0.9
    )
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = model.get_weights()
    # The first scale is 32,768: larger gradients would skip the step.
    images = 0.01 * np.random.default_rng(0).normal(size=(4, 4))
    model.fit(images, np.ones((4, 2)), 2, callbacks=averaged(), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all() and (old != new).any()


@pytest.mark.parametrize(
    ("name", "value"),
    [("accumulate", 0), ("ema", 1.0), ("weight_decay", -1), ("warm_up", 2)],
)
def test_bad_input(name, value):
    with pytest.raises(ValueError, match=f"argument {name}"):
        compile_fine_tuning(network(), mean, 0.1, 8, **{name: value})
