"""A training that is ended anywhere and called again is the same training.

This file is also what the processes run that are killed.
"""

import contextlib
import gc
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_attention import datasets
from keras_attention.internals.lock import locked
from keras_attention.training import Resumable
from keras_attention.training.checkpoints import Checkpoints

COUNT, BATCH, EPOCHS = 14, 4, 3
STEPS = -(-COUNT // BATCH)


class Ended(Exception):
    """Instead of a kill."""


class At(keras.callbacks.Callback):
    """Does something after so many steps of the whole training."""

    def __init__(self, step, what):
        super().__init__()
        self._step, self._what = step, what

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self._step:
            self._what()


def end():
    raise Ended


def program(rate=0.5, images=None, batch_size=BATCH, eagerly=True):
    """Model and data: everything that a step may change is in it."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    if images is None:
        images = rng.integers(0, 256, (COUNT, 8, 8, 3), "uint8")
    data = datasets.batches(
        datasets.from_arrays(images, np.arange(len(images)) % 2),
        batch_size,
        seed=0,
        augment=datasets.Augmentation(flip="both", brightness=0.3),
    )
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.RandomContrast(0.3)(inputs)
    x = keras.layers.Conv2D(4, 3)(x)
    x = keras.layers.BatchNormalization(momentum=0.8)(x)
    x = keras.layers.Dropout(rate)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    model.compile(
        keras.optimizers.Adam(0.05, use_ema=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # A graph takes longer than these steps.
        run_eagerly=eagerly and keras.backend.backend() == "tensorflow",
    )
    return model, data


def train(folder, *callbacks, every=1, epochs=EPOCHS, **options):
    """History and weights of a training in this folder."""
    model, data = program(**options)
    callbacks = [
        keras.callbacks.EarlyStopping(
            "loss", min_delta=9, patience=2, restore_best_weights=True
        ),
        keras.callbacks.ReduceLROnPlateau("loss", 0.5, 1, min_delta=9),
        *callbacks,
    ]
    validation = np.ones((2, 8, 8, 3), "float32"), np.array([0, 1])
    resumable = Resumable(folder, every, settings={"width": 4})
    history = resumable.fit(
        model, data, epochs, callbacks, verbose=0, validation_data=validation
    )
    return history.history, model.get_weights()


def same(one, other):
    (history, weights), (history2, weights2) = one, other
    assert history == history2
    for a, b in zip(weights, weights2, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(autouse=True)
def collected():
    """A reader of TensorFlow's that ended early and is found late.

    It is then waited for, for up to half a minute.
    """
    yield
    gc.collect()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    found = train(tmp_path_factory.mktemp("whole"), At(10**9, end))
    # Nothing is better than the first epoch by so much.
    rates = found[0]["learning_rate"]
    np.testing.assert_allclose(rates, [0.05, 0.05, 0.025])
    return found


@pytest.mark.computing
@pytest.mark.parametrize(
    "step, every",
    [
        (STEPS, 2),
        (9, None),
        pytest.param(1, 1, marks=pytest.mark.slow),
        pytest.param(STEPS + 1, 1, marks=pytest.mark.long),
        pytest.param(2 * STEPS + 3, 1, marks=pytest.mark.long),
    ],
)
def test_goes_on_where_it_ended(tmp_path, whole, step, every):
    with pytest.raises(Ended):
        train(tmp_path, At(step, end), every=every)
    same(train(tmp_path, At(10**9, end), every=every), whole)
    # What is finished is not trained again.
    same(train(tmp_path, At(EPOCHS * STEPS, end), every=every), whole)


def test_more_epochs_go_on(tmp_path, whole):
    train(tmp_path, At(10**9, end), epochs=2)
    assert len(train(tmp_path, At(2 * STEPS, end))[0]["loss"]) == EPOCHS


def test_data_may_have_been_used_before(tmp_path):
    histories = []
    model, data = program()
    for folder in ("first", "second"):
        model, _ = program()
        run = Resumable(tmp_path / folder).fit(model, data, 2, verbose=0)
        histories.append(run.history)
    assert histories[0] == histories[1]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A folder with two checkpoints, and somebody's file."""
    folder = tmp_path_factory.mktemp("ended")
    (folder / "checkpoint-notes.txt").write_text("mine")
    with pytest.raises(Ended):
        train(folder, At(5, end))
    assert names(folder) == ["checkpoint-0000000003", "checkpoint-0000000004"]
    return folder


@pytest.fixture
def begun(ended, tmp_path):
    """A copy of it to go on in."""
    return shutil.copytree(ended, tmp_path, dirs_exist_ok=True)


def names(folder):
    return sorted(p.name for p in folder.glob("checkpoint-0*"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage, file",
    [
        (cut, "arrays.npz"),
        (flip, "arrays.npz"),
        (flip, "record.json"),
        (pathlib.Path.unlink, "record.json"),
    ],
)
def test_the_one_before_is_read_if_the_newest_is_damaged(begun, damage, file):
    newest = begun / "checkpoint-0000000004"
    damage(newest / file)
    with pytest.warns(UserWarning, match="0004 is damaged: .*0003"):
        _, record = Checkpoints(begun).newest()
    shutil.rmtree(newest)
    assert record == Checkpoints(begun).newest()[1]


def test_goes_on_from_the_one_before(begun, whole):
    cut(begun / "checkpoint-0000000004" / "arrays.npz")
    with pytest.warns(UserWarning, match="0004 is damaged: .*0003"):
        same(train(begun, At(10**9, end)), whole)
    assert (begun / "checkpoint-notes.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["null", "[]", '{"record": 1, "sha256": 2}'])
def test_all_damaged(begun, text):
    for name in names(begun):
        (begun / name / "record.json").write_text(text)
    with pytest.raises(ValueError, match="No other is left: move them away"):
        train(begun)
    assert len(names(begun)) == 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rate": 0.4}, r'layer 5 \(Dropout\): .*"rate": 0.5.* now'),
        ({"batch_size": 7}, "data: 14 examples in batches of 4, seed 0 bef"),
    ],
)
def test_another_program_is_refused(begun, options, message):
    with pytest.raises(ValueError, match=message):
        train(begun, At(10**9, end), **options)
    with pytest.raises(ValueError, match="callbacks: .*At before"):
        train(begun)
    model, data = program()
    with pytest.raises(ValueError, match=r"settings\['width'\]: 4 before"):
        Resumable(begun).fit(model, data, EPOCHS)


def test_one_at_a_time(tmp_path):
    model, data = program()
    with (
        locked(tmp_path, "training", "a test"),
        pytest.raises(RuntimeError, match="in use by process"),
    ):
        Resumable(tmp_path).fit(model, data, 1)


@pytest.mark.computing
def test_a_loss_that_is_not_finite_names_the_batch(tmp_path):
    images = np.zeros((COUNT, 8, 8, 3), "uint8")
    model, data = program(images=images)
    model.optimizer.learning_rate = 1e38
    with pytest.raises(FloatingPointError) as error:
        Resumable(tmp_path, 1).fit(model, data, 2, verbose=0)
    assert "after batch 1 (images image" in str(error.value)


def test_weights_that_are_not_finite_are_not_kept(tmp_path):
    model, data = program()

    def spoil():
        model.layers[2].kernel.assign(model.layers[2].kernel * np.nan)

    with pytest.raises(FloatingPointError, match="conv2d.*/kernel is not fin"):
        Resumable(tmp_path, 1).fit(model, data, 1, [At(3, spoil)], verbose=0)
    assert names(tmp_path)[-1] == "checkpoint-0000000002"


@contextlib.contextmanager
def full_disk(size):
    """No file may become larger; Python ignores the signal."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_what_was_there(begun, whole):
    before = names(begun)
    with pytest.raises(OSError, match="too large"), full_disk(2000):
        train(begun, At(10**9, end))
    assert names(begun) == before
    assert not list(begun.glob(".checkpoint*"))
    same(train(begun, At(10**9, end)), whole)


def test_folders_of_any_name_and_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Ended):
        train("Läufe und mehr/erster", At(2, end))
    found = tmp_path / "Läufe und mehr" / "erster"
    assert names(found) == ["checkpoint-0000000001"]
    (tmp_path / "file").write_text("")
    for folder in ("file", "file/below", "/dev/null/below"):
        with pytest.raises(OSError, match=folder):
            Resumable(folder)


def test_half_of_a_checkpoint_is_no_debris(begun, whole):
    half, kept = ".checkpoint-0000000005.x1_y", ".checkpoint-notes.bak"
    for name in (half, kept):
        (begun / name).mkdir()
        (begun / name / "file").write_text("")
    same(train(begun, At(10**9, end)), whole)
    assert [path.name for path in begun.glob(".checkpoint*")] == [kept]
    Resumable(begun).clear()
    left = {path.name for path in begun.iterdir()}
    assert left == {kept, "checkpoint-notes.txt"}
    with pytest.raises(Ended):
        train(begun / "alone", At(2, end))
    Resumable(begun / "alone").clear()
    assert not (begun / "alone").exists()


def test_what_cannot_go_on_is_refused(tmp_path):
    model, data = program()
    resumable = Resumable(tmp_path)
    with pytest.raises(ValueError, match="datasets.batches"):
        resumable.fit(model, np.ones((4, 8, 8, 3)), 1)
    with pytest.raises(ValueError, match="initial_epoch: the checkpoints"):
        resumable.fit(model, data, 1, initial_epoch=3)
    with pytest.raises(ValueError, match="built and compiled"):
        resumable.fit(keras.Sequential([keras.layers.Dense(2)]), data, 1)
    with pytest.raises(ValueError, match="every"):
        Resumable(tmp_path, every=0)


@pytest.mark.parametrize(
    "number, error, status",
    [
        (signal.SIGTERM, SystemExit, 143),
        # An interpreter that ends with it gives 130 to its shell.
        (signal.SIGINT, KeyboardInterrupt, None),
    ],
)
def test_a_signal_ends_it_with_a_checkpoint(tmp_path, number, error, status):
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(error) as raised:
        train(tmp_path, At(STEPS + 2, lambda: signal.raise_signal(number)))
    assert getattr(raised.value, "code", None) == status
    assert names(tmp_path)[-1] == f"checkpoint-{STEPS + 2:010d}"
    assert handlers == [
        signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)
    ]


def start(folder, *arguments):
    command = [sys.executable, __file__, str(folder), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process):
    """What a process that came to its end printed last: a checksum."""
    assert process.wait() == 0
    return process.stdout.read().split()[-1]


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on all backends"
)
def test_a_killed_process_goes_on(tmp_path, whole):
    process = start(tmp_path, STEPS + 2, EPOCHS, "eagerly")
    assert process.wait() == -signal.SIGKILL
    same(train(tmp_path, At(10**9, end)), whole)


@pytest.mark.long
def test_killed_at_random_and_while_it_saves(tmp_path):
    expected = finish(start(tmp_path / "whole", 0, 200))
    rng = np.random.default_rng(0)
    # JAX and PyTorch, by `KERAS_BACKEND`, take longer to begin.
    kills = 20 if keras.backend.backend() == "tensorflow" else 5
    ended = []
    for _ in range(kills):
        process = start(tmp_path / "killed", 0, 200)
        # It has begun; it writes a checkpoint after every step.
        assert process.stdout.readline() == "begun\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.5, 4))
        process.kill()
        ended.append(process.wait())
    assert -signal.SIGKILL in ended
    assert finish(start(tmp_path / "killed", 0, 200)) == expected
    assert not list((tmp_path / "killed").glob(".checkpoint*"))


SAVES = """
import sys
import keras
import numpy as np
from keras_attention.internals.files import save_model
from keras_attention.training.checkpoints import Checkpoints
folder = sys.argv[1]
checkpoints = Checkpoints(folder)
found = checkpoints.newest()
step = found[1]["step"] if found else 0
inputs = keras.Input((3,))
model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
while True:
    step += 1
    values = np.full(50_000, step)
    checkpoints.write(step, {"values": values}, {"step": step})
    model.set_weights([np.full((3, 2), step), np.zeros(2)])
    save_model(model, f"{folder}/model.keras")
    print(step, flush=True)
"""


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on all backends"
)
def test_fifty_kills_while_it_saves(tmp_path):
    notes = tmp_path / "checkpoint-notes.txt"
    notes.write_text("mine")
    rng = np.random.default_rng(0)
    before, half = 0, 0
    for _ in range(50):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVES, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        first = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        said = [first, *map(int, process.stdout.read().split())]
        assert process.wait() == -signal.SIGKILL
        arrays, record = Checkpoints(tmp_path).newest()
        # What it said it had written is there, or the one after that.
        assert first > before and record["step"] in (said[-1], said[-1] + 1)
        assert (arrays["values"] == record["step"]).all()
        model = keras.saving.load_model(tmp_path / "model.keras")
        saved = model.get_weights()[0]
        assert (saved == saved[0, 0]).all()
        assert saved[0, 0] in (said[-1], said[-1] + 1)
        before = record["step"]
        half += len(list(tmp_path.glob(".*")))
    # Some were killed in the middle of it.
    assert half > 0
    Checkpoints(tmp_path).clear()
    assert not list(tmp_path.glob("*checkpoint-0*"))
    assert notes.read_text() == "mine"


if __name__ == "__main__":
    given = sys.argv[1:]
    folder, step, epochs, *eagerly = given
    print("begun", flush=True)
    kill = At(int(step), lambda: os.kill(os.getpid(), signal.SIGKILL))
    _, found = train(folder, kill, epochs=int(epochs), eagerly=bool(eagerly))
    print(hashlib.sha256(b"".join(map(np.ndarray.tobytes, found))).hexdigest())
