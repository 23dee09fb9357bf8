"""The maps of a frozen network: those of `predict`, computed once."""

import pathlib
import signal
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

from keras_attention import tuning
from keras_attention.datasets import Examples
from keras_attention.datasets import Pixels
from keras_attention.layers import AttentionPooling2D
from keras_attention.training import cached_features
from keras_attention.training import feature_cache

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), "uint8")
PIXELS = IMAGES.astype("float32") / 255


def network(seed=0, activation="relu", trainable=True):
    """A map, and what is behind it after a model inside the model."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3))
    low = keras.layers.Conv2D(4, 3, activation=activation)(inputs)
    inside = keras.Sequential(
        [keras.Input((6, 6, 4)), keras.layers.BatchNormalization()]
    )
    high = keras.layers.Conv2D(5, 3)(inside(low))
    model = keras.Model(inputs, {"low": low, "high": high})
    model.trainable = trainable
    return model


@pytest.fixture
def computed(monkeypatch):
    """The numbers of images that networks were asked about."""
    counts = []

    class Counting(feature_cache.WholeBatches):
        def __call__(self, images):
            counts.append(len(keras.tree.flatten(images)[0]))
            return super().__call__(images)

    monkeypatch.setattr(feature_cache, "WholeBatches", Counting)
    return counts


def examples(images=IMAGES):
    labels = np.arange(len(images)) % 2
    names = tuple(map(str, range(len(images))))
    return Examples(images, labels, ("a", "b"), names)


@pytest.mark.computing
def test_they_are_those_of_predict_and_read_from_disk(tmp_path, capsys):
    model = network()
    expected = model.predict(PIXELS, verbose=0)
    found = cached_features(model, PIXELS, tmp_path / "new" / "folder")
    assert set(found) == {"low", "high"}
    for name, values in found.items():
        assert isinstance(values, np.memmap)
        assert not values.flags.writeable
        np.testing.assert_allclose(values, expected[name], atol=1e-6)
    assert "Computing features of 7 examples" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 4, 7])
def test_batches_of_any_size_fit(tmp_path, count, computed):
    model = network()
    found = cached_features(model, PIXELS, tmp_path, batch_size=count)
    expected = model.predict(PIXELS, verbose=0)
    np.testing.assert_allclose(found["high"], expected["high"], atol=1e-6)
    assert sum(computed) == 7 and max(computed) == count


def test_examples_are_the_pixels_of_batches(tmp_path, computed):
    model = network()
    expected = model.predict(PIXELS, verbose=0)["high"]
    pixels = Pixels(IMAGES.__getitem__, range(7), "abcdefg", (8, 8, 3))
    for images in (IMAGES, pixels):
        found = cached_features(model, examples(images), tmp_path)
        np.testing.assert_allclose(found["high"], expected, atol=1e-6)
    # Decoded or not, they are one data set.
    assert sum(computed) == 7


def test_the_same_is_computed_once(tmp_path, computed):
    cached_features(network(), PIXELS, tmp_path)
    for model in (network(), network(trainable=False)):  # other names
        model.compile("sgd", "mse")
        found = cached_features(model, PIXELS.copy(), tmp_path)
    assert sum(computed) == 7
    assert found["low"].shape == (7, 6, 6, 4)


def layer_named(name, activation):
    inputs = keras.Input((8, 8, 3))
    layer = keras.layers.Activation(activation, name=name)
    return keras.Model(inputs, layer(inputs))


def two_of(order):
    """Two layers one after the other, in either order, with one name each."""
    x = inputs = keras.Input((8, 8, 3))
    for name, layer in order:
        x = layer(name=name)(x)
    return keras.Model(inputs, x)


def difference(turned):
    """The same layers in the same order, wired one way or the other."""
    inputs = keras.Input((8, 8, 3))
    one = keras.layers.Activation("tanh")(inputs)
    pair = [one, keras.layers.Activation("relu")(one)]
    pair = pair[::-1] if turned else pair
    return keras.Model(inputs, keras.layers.Subtract()(pair))


def outputs_of_two(turned):
    inputs = keras.Input((8, 8, 3))
    one = keras.layers.Activation("tanh")(inputs)
    pair = [one, keras.layers.Activation("relu")(one)]
    return keras.Model(inputs, pair[::-1] if turned else pair)


RELU_TANH = ("a", keras.layers.ReLU), ("b", keras.layers.LeakyReLU)


@pytest.mark.parametrize(
    "one, other",
    [
        (lambda: network(0), lambda: network(1)),
        (network, lambda: network(activation="tanh")),
        (lambda: layer_named("tanh", "tanh"), lambda: layer_named("x", "relu")),
        (
            lambda: layer_named("tanh", "tanh"),
            lambda: layer_named("relu", "relu"),
        ),
        (lambda: two_of(RELU_TANH), lambda: two_of(RELU_TANH[::-1])),
        (lambda: difference(False), lambda: difference(True)),
        (lambda: outputs_of_two(False), lambda: outputs_of_two(True)),
    ],
)
def test_other_networks_have_others(tmp_path, computed, one, other):
    cached_features(one(), PIXELS, tmp_path)
    cached_features(other(), PIXELS, tmp_path)
    assert sum(computed) == 14


def test_another_output_of_the_same_layers_has_others(tmp_path, computed):
    inputs = keras.Input((8, 8, 3))
    a, b = (keras.layers.Activation(f)(inputs) for f in ("relu", "tanh"))
    for outputs in ({"a": a, "b": b}, {"a": b, "b": a}):
        found = cached_features(keras.Model(inputs, outputs), PIXELS, tmp_path)
        for name, values in outputs.items():
            expected = keras.Model(inputs, values).predict(PIXELS, verbose=0)
            np.testing.assert_allclose(found[name], expected, atol=1e-6)


@pytest.mark.parametrize("change", ["value", "order", "type", "fewer"])
def test_other_data_has_others(tmp_path, computed, change):
    model, other = network(), PIXELS.copy()
    if change == "value":
        other[6, 0, 0, 0] += 1e-3
    elif change == "order":
        other = other[::-1]
    elif change == "type":
        other = IMAGES
    else:
        other = other[:6]
    cached_features(model, PIXELS, tmp_path)
    found = cached_features(model, other, tmp_path)
    assert sum(computed) == 7 + len(other)
    expected = model.predict(other, verbose=0)["low"]
    np.testing.assert_allclose(found["low"], expected, rtol=1e-4, atol=1e-5)


def test_a_weight_that_was_trained_has_others(tmp_path, computed):
    model = network()
    cached_features(model, PIXELS, tmp_path)
    model.layers[-1].bias.assign_add(keras.ops.ones(5))
    found = cached_features(model, PIXELS, tmp_path)
    assert sum(computed) == 14
    expected = model.predict(PIXELS, verbose=0)["high"]
    np.testing.assert_allclose(found["high"], expected, atol=1e-6)


def test_float16_is_half_as_large(tmp_path):
    model = network()
    found = cached_features(model, PIXELS, tmp_path, dtype="float16")["low"]
    assert found.dtype == np.float16
    expected = model.predict(PIXELS, verbose=0)["low"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_what_float16_cannot_hold_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Rescaling(1e6)(inputs))
    with pytest.raises(ValueError, match="examples 0 to 6 .* in float16"):
        cached_features(model, PIXELS, tmp_path, dtype="float16")
    with pytest.raises(ValueError, match="not finite"):
        cached_features(model, np.full_like(PIXELS, np.nan), tmp_path)
    assert not [*tmp_path.glob("*.npy"), *tmp_path.glob("*/*.npy")]
    assert cached_features(model, PIXELS, tmp_path).max() > 65504


def damaged_in(folder, how):
    (path,) = folder.glob("*/1.npy")
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "gone":
        path.unlink()
    elif how == "another shape":
        np.save(path, np.zeros((7, 6, 6, 3), "float32"))
    elif how == "another dtype":
        np.save(path, np.load(path).astype("float64"))
    elif how == "objects":
        np.save(path, np.array([print], object), allow_pickle=True)
    elif how == "a file":
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
        path.parent.write_text("not a folder")


@pytest.mark.parametrize(
    "how",
    ["cut", "empty", "gone", "another shape", "another dtype", "objects",
     "a file"],
)  # fmt: skip
def test_what_is_damaged_or_foreign_is_computed_again(
    tmp_path, computed, capsys, how
):
    model = network()
    cached_features(model, PIXELS, tmp_path)
    damaged_in(tmp_path, how)
    found = cached_features(model, PIXELS, tmp_path)
    assert sum(computed) == 14
    assert "again, for what is there is damaged" in capsys.readouterr().out
    expected = model.predict(PIXELS, verbose=0)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_nothing_remains_of_a_computation_that_failed(tmp_path, monkeypatch):
    class Failing(feature_cache.WholeBatches):
        def __call__(self, images):
            raise MemoryError("no more")

    with monkeypatch.context() as patched:
        patched.setattr(feature_cache, "WholeBatches", Failing)
        with pytest.raises(MemoryError):
            cached_features(network(), PIXELS, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock"}
    assert cached_features(network(), PIXELS, tmp_path)["low"].any()


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from feature_cache_test import PIXELS, cached_features, feature_cache, network

class Killed(feature_cache.WholeBatches):
    def __call__(self, images):
        if self.size:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(images)

feature_cache.WholeBatches = Killed
cached_features(network(), PIXELS, {folder!r}, batch_size=2)
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="of POSIX")
def test_a_killed_computation_leaves_nothing_that_is_read(tmp_path, computed):
    tests = str(pathlib.Path(__file__).parent)
    code = KILLED.format(tests=tests, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [*tmp_path.glob(".*/*/0.npy")], "it was killed too early"
    found = cached_features(network(), PIXELS, tmp_path)
    assert sum(computed) == 7
    expected = network().predict(PIXELS, verbose=0)["low"]
    np.testing.assert_allclose(found["low"], expected, atol=1e-6)


def test_those_who_come_together_compute_once(tmp_path, computed):
    model, found = network(), []

    def work():
        found.append(cached_features(model, PIXELS, tmp_path)["low"][:])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and sum(computed) == 7


def test_several_inputs(tmp_path, computed):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model({"a": a, "b": b}, keras.layers.Subtract()([a, b]))
    x, y = np.ones((3, 4), "float32"), np.zeros((3, 4), "float32")
    for first, second in ((x, y), (y, x)):
        data = {"a": first, "b": second}
        found = cached_features(model, data, tmp_path, batch_size=2)
        np.testing.assert_array_equal(found, first - second)
    assert sum(computed) == 6


def test_heads_are_fitted_and_evaluated_on_them(tmp_path):
    maps = cached_features(network(), examples(), tmp_path, dtype="float16")
    head = keras.Sequential(
        [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    head.compile("sgd", loss)
    labels = examples().labels
    head.fit(maps["high"], labels, verbose=0)
    assert np.isfinite(head.evaluate(maps["high"], labels, verbose=0))


def test_a_search_goes_through_heads_on_them(tmp_path):
    maps = cached_features(network(), PIXELS, tmp_path / "maps")["high"]
    labels = np.arange(7) % 2

    def build(hp):
        pool = hp.Choice("pool", ["average", "attention"])
        pools = {
            "average": keras.layers.GlobalAveragePooling2D(),
            "attention": AttentionPooling2D(key_dim=2),
        }
        model = keras.Sequential([pools[pool], keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        return model

    found = tuning.search(
        build,
        (maps, labels),
        (maps[:3], labels[:3]),
        tuner="grid",
        max_trials=2,
        epochs=1,
        directory=tmp_path / "search",
    )
    assert len(found.trials) == 2


def test_without_a_folder_they_are_in_the_home_of_keras(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = cached_features(network(), PIXELS)
    kept = tmp_path / "features" / "keras_attention"
    assert pathlib.Path(found["low"].filename).parents[1] == kept


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"model": keras.layers.ReLU()}, "model: expected a functional"),
        ({"model": keras.Sequential()}, "model: expected a functional"),
        ({"data": PIXELS[:0]}, "data: expected Examples, or arrays"),
        ({"data": {"a": PIXELS, "b": PIXELS[:3]}}, "data: expected Examples"),
        ({"data": [object()]}, "argument data: expected an array"),
        ({"data": np.zeros((2, 8, 8, 4))}, "expected shape"),
        ({"dtype": "int8"}, "dtype: expected one of 'float32', 'float16'"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, changed, message):
    arguments = {"model": network(), "data": PIXELS, **changed}
    with pytest.raises(ValueError, match=message):
        cached_features(folder=tmp_path, **arguments)
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError):
        cached_features(network(), PIXELS, tmp_path / "file")
