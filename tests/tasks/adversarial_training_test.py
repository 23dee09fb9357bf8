"""Two networks trained: averaged, watched, ended anywhere and going on."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_attention import datasets
from keras_attention.callbacks import SampleGrid
from keras_attention.callbacks.sample_grid import image_grid
from keras_attention.tasks import generation
from keras_attention.training import Resumable
from keras_attention.training import averaged

SHAPE, CLASSES, EPOCHS, MOMENTUM = (8, 8, 1), 2, 2, 0.6
# On JAX what is compiled once is faster than op by op.
EAGERLY = keras.backend.backend() != "jax"


class Ended(Exception):
    """Instead of a kill."""


class Steps(keras.callbacks.Callback):
    """Notes the weights of every step, and ends after some."""

    def __init__(self, last=None):
        super().__init__()
        self._last, self._seen = last, []

    def on_train_batch_end(self, batch, logs=None):
        self._seen.append(trained(self.model))
        if len(self._seen) == self._last:
            raise Ended


def trained(model):
    """A copy of what the optimizers change."""
    return {
        weight.path: np.array(keras.ops.convert_to_numpy(weight))
        for weight in model.trainable_weights
    }


def train(folder, steps, grid=None, epochs=EPOCHS):
    keras.utils.set_random_seed(0)
    model = generation.AdversarialModel(
        generation.generator(SHAPE, 4, 2, {4: "sagan"}, CLASSES),
        generation.discriminator(SHAPE, 2, {4: "sagan"}, CLASSES),
        classes=CLASSES,
        seed=0,
    )
    rates = {"generator": 0.02, "discriminator": 0.05}
    model.compile(
        generation.two_rates(
            model, **rates, use_ema=True, ema_momentum=MOMENTUM
        ),
        run_eagerly=EAGERLY,
    )
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), "uint8")
    data = datasets.batches(
        datasets.from_arrays(images, np.arange(4) % CLASSES), 2, seed=0
    )
    watched = averaged([] if grid is None else [grid])
    Resumable(folder, every=1).fit(
        model, data, epochs, [*watched, steps], verbose=0
    )
    return model


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    steps = Steps()
    grid = SampleGrid(folder / "grids", count=4, columns=2)
    return train(folder / "training", steps, grid), steps._seen, folder


@pytest.mark.computing
def test_both_networks_end_with_the_averages(whole):
    model, seen, _ = whole
    assert len(seen) == 2 * EPOCHS
    averages = seen[0]
    for step in seen[1:]:
        averages = {
            path: MOMENTUM * average + (1 - MOMENTUM) * step[path]
            for path, average in averages.items()
        }
    for path, weight in trained(model).items():
        np.testing.assert_allclose(
            weight, averages[path], rtol=1e-4, atol=1e-6, err_msg=path
        )
    moved = [(averages[p] != seen[-1][p]).any() for p in averages]
    assert np.mean(moved) > 0.8


def test_it_goes_on_inside_an_epoch_and_the_grid_changes_nothing(
    whole, tmp_path
):
    model, _, folder = whole
    with pytest.raises(Ended):
        train(tmp_path, Steps(3))
    again = train(tmp_path, Steps())
    assert len(again.variables) == len(model.variables)
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(
            *map(keras.ops.convert_to_numpy, (one, other)), err_msg=one.path
        )
    grids = folder / "grids"
    files = {"samples-001.png", "samples-002.png", "samples.gif"}
    assert {path.name for path in grids.iterdir()} == files
    # What was drawn before a training went on is in the animation too.
    (grids / "samples.gif").unlink()
    SampleGrid(grids).on_train_end()
    with Image.open(grids / "samples.gif") as animation:
        assert animation.n_frames == EPOCHS
    # The last grid is what the averages draw.
    drawn = image_grid((model.generate(4, seed=0) + 1) / 2, 2)
    with Image.open(grids / "samples-002.png") as last:
        np.testing.assert_array_equal(np.asarray(last), np.asarray(drawn))


def test_a_grid_of_what_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="argument columns"):
        SampleGrid(tmp_path, columns=0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(ValueError, match=r"generate.*Received: Sequential"):
        model.fit(
            np.ones((2, 2)),
            np.ones(2),
            callbacks=[SampleGrid(tmp_path)],
            verbose=0,
        )


def test_pictures_lie_where_they_belong():
    pictures = np.linspace(0, 1, 3)[:, None, None] * np.ones((3, 50, 60))
    grid = np.asarray(image_grid(pictures, 2))
    assert grid.shape == (103, 123, 3)
    assert grid[1, 62, 0] == 128 and grid[52, 1, 0] == 255
    assert not grid[51].any() and not grid[:, 61].any()
    assert not grid[52:, 62:].any()
