import copy
import csv
import hashlib
import random
import sys
import warnings

import keras
import numpy as np
import pytest
from gradients import not_on_jax
from PIL import Image

from keras_attention import layers
from keras_attention import metrics
from keras_attention.callbacks import AttentionMonitor
from keras_attention.callbacks.maps_in_training import log_names
from keras_attention.callbacks.monitor_files import Timelines
from keras_attention.visualization import collect_attention

COUNT = 6
IMAGES = np.random.default_rng(0).random((COUNT, 8, 12, 3)).astype("float32")
LABELS = np.arange(COUNT) % 2
MASKS = np.zeros((COUNT, 16, 24))
MASKS[:, 4:12, 4:16] = 1
MASKS[3] = 0  # no object: no energy


class Draws(keras.layers.Layer):
    """Draws when the model answers too, as sampled attention may."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(1)

    def call(self, x):
        noise = keras.random.normal(keras.ops.shape(x), seed=self.generator)
        return x + 1e-3 * noise


def model(eagerly=True):
    keras.utils.set_random_seed(3)
    inputs = keras.Input(IMAGES.shape[1:])
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = layers.get("cbam", name="block_cbam", identity_init=True)(x)
    x = keras.layers.Dropout(0.5)(Draws()(x))
    x = layers.get("attn_pool", name="pool")(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=eagerly)
    return model


def small():
    """Cheap to train, where it does not matter what is."""
    inputs = keras.Input(IMAGES.shape[1:])
    x = layers.get("attn_pool", name="pool")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def fit(monitor, trained=None, epochs=2, before=(), behind=()):
    trained = trained or model()
    history = trained.fit(
        IMAGES,
        LABELS,
        batch_size=COUNT,
        epochs=epochs,
        verbose=0,
        callbacks=[*before, *([monitor] if monitor else []), *behind],
    )
    return trained, history.history


def fingerprint(trained):
    """Of all that a training leaves: variables, random states, answers."""
    variables = [*trained.variables, *trained.optimizer.variables]
    values = [keras.ops.convert_to_numpy(v).tobytes() for v in variables]
    states = [repr(random.getstate()), repr(np.random.get_state())]
    answers = trained.predict(IMAGES, verbose=0).tobytes()
    text = b"".join([*values, *(s.encode() for s in states), answers])
    return hashlib.sha256(text).hexdigest()


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """One training, with everything that can be written."""
    folder = tmp_path_factory.mktemp("watched")
    log_dir = None
    if keras.backend.backend() == "tensorflow":
        log_dir = folder / "events"
    monitor = AttentionMonitor(
        IMAGES,
        MASKS,
        every=2,
        metrics=["energy", "lift", "entropy", "gain", metrics.map_jaccard],
        directory=folder / "figures",
        log_dir=log_dir,
        on_error="raise",
        batch_size=4,
    )
    stop = keras.callbacks.EarlyStopping("pool_energy", mode="max", patience=9)
    log = keras.callbacks.CSVLogger(folder / "log.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Early stopping conditioned")
        trained, history = fit(monitor, epochs=3, behind=[stop, log])
    return folder, trained, history, stop


# JAX would compile each operation; its sibling `prediction_monitor_test.py`,
# which reads the model in the same way, runs there.
@not_on_jax
def test_a_watched_training_is_the_same_training(watched):
    _, trained, history, _ = watched
    plain, expected = fit(None, epochs=3)
    assert history["loss"] == expected["loss"]
    assert fingerprint(trained) == fingerprint(plain)


@pytest.mark.long
def test_a_watched_training_is_the_same_training_compiled(tmp_path):
    monitor = AttentionMonitor(IMAGES, MASKS, directory=tmp_path)
    trained, history = fit(monitor, model(eagerly=False))
    plain, expected = fit(None, model(eagerly=False))
    np.testing.assert_array_equal(history["loss"], expected["loss"])
    assert fingerprint(trained) == fingerprint(plain)
    assert len(history["pool_energy"]) == 2


def test_numbers_are_in_the_logs(watched):
    folder, trained, history, stop = watched
    assert {name for name in history if name != "loss"} == {
        *(f"pool_{x}" for x in ("energy", "lift", "entropy", "map_jaccard")),
        *(f"block_cbam_{x}" for x in ("energy", "lift", "entropy", "gain")),
        "block_cbam_map_jaccard",
    }
    assert len(history["loss"]) == 3
    assert len(history["pool_energy"]) == 2  # of the first and the third
    maps = collect_attention(trained, IMAGES)["pool"]
    energy = np.nanmean(metrics.attention_energy(maps, MASKS))
    share = MASKS[0].mean()
    assert history["pool_energy"][-1] == pytest.approx(energy, rel=1e-2)
    lifts = np.array(history["pool_energy"]) / share
    np.testing.assert_allclose(history["pool_lift"], lifts, rtol=1e-6)
    assert stop.best == max(history["pool_energy"])
    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert float(rows[2]["pool_energy"]) == history["pool_energy"][1]
    assert rows[1]["pool_energy"] == "NA"
    gain = trained.get_layer("block_cbam").gain
    assert history["block_cbam_gain"][-1] == float(gain) != 0


def test_figures_have_a_row_an_epoch_and_the_animation_a_frame(watched):
    figures = watched[0] / "figures"
    assert {path.name for path in figures.iterdir()} == {
        "attention.gif",
        "block_cbam.png",
        "pool.png",
    }
    with Image.open(figures / "attention.gif") as animation:
        assert animation.n_frames == 2
    with Image.open(figures / "pool.png") as figure:
        # The images and two epochs, each of 96 pixels.
        assert 3 * 96 < figure.height < 5 * 96


def test_tensorboard_has_numbers_and_pictures(watched):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow writes the events")
    import tensorflow
    from tensorboard.backend.event_processing import event_accumulator

    sizes = {event_accumulator.TENSORS: 0}
    events = event_accumulator.EventAccumulator(
        str(watched[0] / "events"), size_guidance=sizes
    ).Reload()
    tags = events.Tags()["tensors"]
    assert {"pool/energy", "pool/attention", "block_cbam/gain"} <= {*tags}
    energy = events.Tensors("pool/energy")
    assert [event.step for event in energy] == [0, 2]
    written = tensorflow.make_ndarray(energy[-1].tensor_proto)
    assert written == pytest.approx(watched[2]["pool_energy"][-1])
    pictures = events.Tensors("pool/attention")[0].tensor_proto.string_val
    assert pictures[:2] == [b"12", b"8"]
    assert len(pictures) == 2 + COUNT
    assert pictures[2].startswith(b"\x89PNG")


def broken(maps, masks):
    raise RuntimeError("no such luck")


def test_an_error_is_told_once_and_the_training_goes_on():
    monitor = AttentionMonitor(IMAGES, metrics=["entropy", broken])
    with pytest.warns(UserWarning, match="RuntimeError: no such luck") as told:
        _, history = fit(monitor, small())
    assert len([w for w in told if "could not look" in str(w.message)]) == 1
    assert list(history) == ["loss"] and len(history["loss"]) == 2
    monitor = AttentionMonitor(IMAGES, metrics=[broken], on_error="raise")
    with pytest.raises(RuntimeError, match="no such luck"):
        fit(monitor, small(), epochs=1)


def test_a_model_that_attends_to_no_position_is_told():
    inputs = keras.Input(IMAGES.shape[1:])
    x = layers.get("se", name="se")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    plain = keras.Model(inputs, keras.layers.Dense(2)(x))
    plain.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    monitor = AttentionMonitor(IMAGES)
    with pytest.warns(UserWarning, match="attends to positions. It has 'se'"):
        fit(monitor, plain, epochs=1)


def test_copies_are_for_another_training():
    monitor = AttentionMonitor(IMAGES, MASKS, layers=["pool"], metrics=["lift"])
    others = []
    copying = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: others.append(copy.deepcopy(monitor))
    )
    trained, history = fit(monitor, small(), behind=[copying])
    assert {*history} == {"loss", "pool_lift"}
    other = others[0]
    assert other.model is None and other.images is monitor.images
    assert other._maps is None  # that of the other model
    _, again = fit(other, small(), epochs=1)
    assert len(again["pool_lift"]) == 1
    assert monitor.model is trained


def test_names_in_the_logs():
    names = ["a/spatial", "b/one", "b/two", "c/d", "c_d", "e/f#2"]
    assert log_names(names, {"a", "b", "e/f"}) == {
        "a/spatial": "a",
        "b/one": "b_one",
        "b/two": "b_two",
        "c/d": "c/d",
        "c_d": "c_d",
        "e/f#2": "e_f_2",
    }


def test_of_many_epochs_some_are_shown_and_always_the_last(tmp_path):
    figures = Timelines(tmp_path, np.zeros((1, 8, 8, 3)), [[]])
    names = ["x/y", "x y"]
    figures._write = lambda epochs: None
    for epoch in range(70):
        maps = {name: np.full((1, 2, 2), 0.25) for name in names}
        figures.add(epoch, maps, {name: {} for name in names})
    assert [epoch for epoch, _ in figures._shown()] == [*range(0, 70, 8), 69]
    assert {*figures._files(names).values()} == {"x_y.png", "x_y-2.png"}


def test_without_tensorflow_log_dir_is_refused_at_the_door(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ModuleNotFoundError, match=r"log_dir.*pip install"):
        AttentionMonitor(IMAGES, log_dir="events")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("masks", MASKS[:2]),
        ("masks", MASKS + 1),
        ("layers", "pool"),
        ("layers", [3]),
        ("every", 0),
        ("metrics", "energy"),
        ("metrics", ["iou"]),
        ("on_error", "ignore"),
        ("batch_size", 0),
        ("pictures", IMAGES[:2]),
        ("pictures", 100 * IMAGES),
    ],
)
def test_bad_arguments(argument, value, tmp_path):
    folder = tmp_path if argument == "pictures" else None
    with pytest.raises(ValueError, match=f"{argument}|argument images: .*0, 1"):
        AttentionMonitor(IMAGES, directory=folder, **{argument: value})


def test_energy_needs_masks_and_layers_must_be_there():
    with pytest.raises(ValueError, match="need no masks.*'energy'"):
        AttentionMonitor(IMAGES, metrics=["energy"])
    with pytest.raises(ValueError, match="layers.*Did you mean 'pool'"):
        fit(AttentionMonitor(IMAGES, layers=["pol"]), small())
