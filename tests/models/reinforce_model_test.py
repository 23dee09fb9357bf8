"""REINFORCE: the estimated gradient, and training by plain fit."""

import keras
import numpy as np
import pytest

from keras_attention import alignments
from keras_attention.layers import AttentionPooling2D
from keras_attention.models import ReinforceModel

pytestmark = pytest.mark.computing
POSITIONS = 3


@keras.saving.register_keras_serializable("tests")
class Pick(keras.layers.Layer):
    """Weighs what stands at the positions: a row `(positions,)` an image."""

    def __init__(self, config=None, **kwargs):
        super().__init__(**kwargs)
        self.config = config or {}
        self.alignment = alignments.get("sampled", **self.config)

    def build(self, shape):
        self.scores = self.add_weight(
            shape=shape[1:], initializer="zeros", name="scores"
        )
        self.alignment.build((None, 1, 1, *shape[1:]))

    def call(self, x, training=None):
        # The scores do not depend on the image.
        scores = keras.ops.reshape(
            keras.ops.zeros_like(x) + self.scores, (-1, 1, 1, x.shape[1])
        )
        weights = self.alignment(scores, training=training)
        weights = keras.ops.reshape(weights, (-1, x.shape[1]))
        return keras.ops.sum(weights * x, axis=-1, keepdims=True)

    def compute_output_shape(self, shape):
        return (shape[0], 1)

    def get_config(self):
        return {**super().get_config(), "config": self.config}


def picking(outputs=1, seed=0, **config):
    inputs = keras.Input((POSITIONS,))
    pick = Pick({"seed": seed}, name="pick")
    picked = pick(inputs)
    model = ReinforceModel(
        inputs, [picked] * outputs if outputs > 1 else picked, **config
    )
    pick.scores.assign(START)
    return model, pick


START = np.array([0.5, -0.5, 0.0], "float32")
VALUES = np.array([1.0, 2.0, -1.0])
PROBABILITIES = np.exp(START) / np.exp(START).sum()


def exact(losses):
    """The gradient of the expected loss by the scores."""
    return PROBABILITIES * (losses - PROBABILITIES @ losses)


def estimates(model, pick, images, targets, steps=40, **kwargs):
    """What steps of SGD with rate 1 take off the scores, from `START` on."""
    model.compile(
        keras.optimizers.SGD(1.0), kwargs.pop("loss", "mse"), **kwargs
    )
    seen = []
    for _ in range(steps):
        pick.scores.assign(START)
        model.train_on_batch(images, targets)
        seen.append(START - keras.ops.convert_to_numpy(pick.scores))
    return np.array(seen)


def agrees(seen, expected):
    """Whether the mean is within four standard errors of the exact one."""
    error = seen.std(0) / np.sqrt(len(seen))
    assert (np.abs(seen.mean(0) - expected) < 4 * error + 1e-6).all()
    # And so near that it says something.
    assert (error < 0.2 * np.abs(expected).max()).all()
    return error


def batch(size=64):
    images = np.broadcast_to(VALUES, (size, POSITIONS)).astype("float32")
    return images, np.full((size, 1), 0.5, "float32")


def test_estimate_has_no_bias():
    losses = (VALUES - 0.5) ** 2
    images, targets = batch()
    plain = agrees(
        estimates(*picking(momentum=0.0), images, targets), exact(losses)
    )
    moving = estimates(*picking(momentum=0.9, seed=1), images, targets)
    agrees(moving, exact(losses))
    # The point of a baseline: less variance than with none.
    model, pick = picking(seed=2)
    model.momentum = 1.0  # stays 0
    none = agrees(estimates(model, pick, images, targets), exact(losses))
    assert plain.max() < 0.9 * none.max()


def test_weights_of_the_terms():
    losses = (VALUES - 0.5) ** 2
    images, targets = batch()
    seen = estimates(*picking(reinforce_weight=0.1), images, targets)
    agrees(seen, 0.1 * exact(losses))
    # Without anything to choose between, the entropy's gradient is all.
    model, pick = picking(entropy_weight=2.0, seed=1)
    (slope,) = estimates(
        model, pick, np.ones((64, 3), "float32"), np.ones((64, 1)), steps=1
    )
    logs = np.log(PROBABILITIES)
    expected = 2 * PROBABILITIES * (logs - PROBABILITIES @ logs)
    np.testing.assert_allclose(slope, expected, atol=1e-5)


def test_losses_of_every_output_and_sample_weights():
    losses = (VALUES - 0.5) ** 2 + 0.5 * np.abs(VALUES - 0.5)
    images, targets = batch()
    model, pick = picking(outputs=2)
    seen = estimates(
        model,
        pick,
        images,
        [targets, targets],
        loss=["mse", "mae"],
        loss_weights=[1.0, 0.5],
    )
    agrees(seen, exact(losses))
    # Half of the images count nothing, whatever is drawn for them.
    model, pick = picking(seed=1)
    model.compile(keras.optimizers.SGD(1.0), "mse")
    images[32:] = 100.0
    weights = np.repeat([1.0, 0.0], 32)
    seen = []
    for _ in range(60):
        pick.scores.assign(START)
        model.train_on_batch(images, targets, sample_weight=weights)
        seen.append(START - keras.ops.convert_to_numpy(pick.scores))
    agrees(np.array(seen), exact((VALUES - 0.5) ** 2) / 2)


def test_loss_in_the_logs_is_the_task_s():
    images, targets = batch()
    model, _ = picking(reinforce_weight=5.0)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.train_on_batch(images, targets)
    baseline = float(keras.ops.convert_to_numpy(model.baseline))
    loss = float(
        model.train_on_batch(images, targets, return_dict=True)["loss"]
    )
    possible = (VALUES - 0.5) ** 2
    assert possible.min() < loss < possible.max()
    assert 0.1 * possible.min() < baseline < 0.1 * possible.max()


def puzzle(count, seed):
    """Maps with a marked position that alone says the class."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(count, 3, 3, 6)).astype("float32") * 0.3
    labels = rng.integers(0, 3, count)
    place = rng.integers(0, 9, count)
    tokens = images.reshape(count, 9, 6)
    tokens[np.arange(count), place, 5] += 3
    tokens[np.arange(count), place, labels] += 3
    # Elsewhere another class is written.
    other = (place + rng.integers(1, 9, count)) % 9
    tokens[np.arange(count), other, rng.integers(0, 3, count)] += 3
    return images, labels


def classifier(alignment="sampled"):
    """The sampled alignment two models deep."""
    features = keras.Input((3, 3, 6))
    pooled = AttentionPooling2D(
        "additive", alignments.get(alignment, seed=0), name="pool", key_dim=8
    )(features)
    head = keras.Model(features, pooled, name="head")
    inputs = keras.Input((3, 3, 6))
    logits = keras.layers.Dense(3, name="logits")(head(inputs))
    return ReinforceModel(
        inputs, logits, momentum=0.8, entropy_weight=0.01, name="whole"
    )


def test_trains_saves_and_loads(tmp_path):
    model = classifier()
    model.compile(
        keras.optimizers.Adam(3e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images, labels = puzzle(512, 0)
    model.fit(images, labels, batch_size=64, epochs=15, verbose=0)
    scores = model.evaluate(*puzzle(256, 1), verbose=0, return_dict=True)
    assert scores["accuracy"] > 0.7
    assert float(keras.ops.convert_to_numpy(model.baseline)) > 0
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is ReinforceModel
    for name in ("momentum", "reinforce_weight", "entropy_weight"):
        assert getattr(loaded, name) == getattr(model, name)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded.baseline),
        keras.ops.convert_to_numpy(model.baseline),
    )
    loaded.fit(images, labels, batch_size=64, verbose=0)


def test_a_plain_model_says_what_it_needs():
    features = keras.Input((3, 3, 6))
    x = AttentionPooling2D(alignment="sampled", name="pool")(features)
    model = keras.Model(features, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="ReinforceModel"):
        model.fit(np.ones((2, 3, 3, 6)), np.ones((2, 1)), verbose=0)


def test_nothing_to_draw():
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(1, name="plain")(inputs)
    with pytest.raises(ValueError, match=r"alignment='sampled'.*plain"):
        ReinforceModel(inputs, outputs)
    with pytest.raises(ValueError, match="functional"):
        ReinforceModel()


@pytest.mark.parametrize(
    "config",
    [{"momentum": 1.0}, {"reinforce_weight": 0}, {"entropy_weight": -1}],
)
def test_bad_arguments(config):
    (name,) = config
    with pytest.raises(ValueError, match=f"{name}="):
        picking(**config)
