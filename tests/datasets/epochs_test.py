"""Where a training is, saved and set: the batches go on as if it had not."""

import gc
import json
import os
import signal
import threading
import time

import keras
import numpy as np
import pytest

from keras_attention.datasets import epochs
from keras_attention.datasets.augmentation import Augmentation
from keras_attention.datasets.batches import batches
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.pixels import Pixels

COUNT, SIZE, STEPS = 22, 4, 6


def make(lazy=False, **fields):
    """Examples of random pixels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 8, 6, 3), "uint8")
    names = tuple(map(str, range(COUNT)))
    if lazy:
        images = Pixels(images.__getitem__, range(COUNT), names, (8, 6, 3))
    labels = np.arange(COUNT) % 2
    return Examples(images, labels, ("a", "b"), names, **fields)


def data(lazy=False, **options):
    augment = Augmentation(flip="both", rotation=10, brightness=0.3)
    options = dict(seed=0, balance=True, augment=augment) | options
    return batches(make(lazy), SIZE, **options)


def digests(batches):
    return [[np.asarray(x).tobytes() for x in batch] for batch in batches]


@pytest.mark.parametrize(
    "reading", [{}, {"lazy": True}, {"threads": 1}, {"threads": 3}]
)
@pytest.mark.parametrize("step", [0, 1, 5, 6])
def test_a_loop_goes_on(step, reading):
    whole = data()
    expected = [digests(whole) for _ in range(3)]
    assert whole.get_state() == {"epoch": 3, "step": 0}
    first = data(**reading)
    assert digests(first) == expected[0]
    taken = iter(first)
    for _ in range(step):
        next(taken)
    state = json.loads(json.dumps(first.get_state()))
    again = data(**reading)
    again.set_state(state)
    assert again.get_state() == state
    left = expected[1][step:] or expected[2]
    assert len(again) == len(left)
    assert digests(again) == left
    assert len(again) == again.steps == STEPS
    if step < STEPS:
        assert digests(again) == expected[2]


@pytest.mark.long
def test_processes_change_nothing():
    whole = data()
    expected = [digests(whole) for _ in range(2)]
    state = {"epoch": 0, "step": 2}
    for lazy in (False, True):
        again = data(lazy=lazy, processes=2)
        again.set_state(state)
        assert digests(again) == expected[0][2:]
        assert digests(again) == expected[1]


def test_the_threads_that_read_ahead_end_with_the_batches():
    def readers():
        return [t for t in threading.enumerate() if "grain" in t.name]

    gc.collect()
    before = readers()
    train = data(threads=2)
    next(iter(train))
    train.epoch = 3
    next(iter(train))
    assert readers() != before
    del train
    gc.collect()
    deadline = time.monotonic() + 90
    while {*readers()} - {*before} and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {*readers()} <= {*before}


class Dies:
    """An augmentation that ends its process at a position."""

    def __init__(self, how):
        self.how = how

    def __call__(self, batch, epoch, positions):
        if 9 in positions:
            self.how()
        return batch


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise KeyError("no such colour")


@pytest.mark.long
@pytest.mark.parametrize(
    "how, error, message",
    [
        (die, RuntimeError, "begin with images .*exit code -9"),
        (fail, KeyError, "no such colour"),
    ],
)
def test_a_process_that_dies_is_an_error(how, error, message):
    train = batches(make(), SIZE, augment=Dies(how), processes=1)
    with pytest.raises(error, match=message):
        digests(train)


def test_a_thread_that_fails_is_an_error_each_time():
    train = batches(make(), SIZE, augment=Dies(fail), threads=2)
    for _ in range(2):
        with pytest.raises(KeyError, match="no such colour"):
            digests(train)


def test_what_hangs_is_an_error(monkeypatch):
    monkeypatch.setattr(epochs, "PATIENCE", 0.2)
    awake = threading.Event()
    train = batches(make(), SIZE, augment=Dies(awake.wait), threads=1)
    with pytest.raises(RuntimeError, match="images .* within 0.2 s"):
        digests(train)
    awake.set()
    assert digests(train) == digests(batches(make(), SIZE))


def hang():
    time.sleep(1000)


@pytest.mark.long
def test_a_process_that_hangs_is_an_error(monkeypatch):
    monkeypatch.setattr(epochs, "PATIENCE", 20)
    train = batches(make(), SIZE, augment=Dies(hang), processes=1)
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="images .* within 20 s"):
        digests(train)
    # Nor is it waited for.
    assert time.monotonic() - begun < 300


def linear_model():
    inputs = keras.Input((8, 6, 3))
    x = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(2, kernel_initializer="zeros")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


class Stop(Exception):
    pass


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epoch, steps):
        super().__init__()
        self.when = (epoch, steps - 1)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.when:
            raise Stop


@pytest.mark.computing
@pytest.mark.parametrize("reading", [{}, {"threads": 2}])
def test_fit_goes_on_in_the_middle_of_an_epoch(reading):
    model = linear_model()
    model.fit(data(**reading), epochs=3, verbose=0)
    expected = model.get_weights()

    model, train = linear_model(), data(**reading)
    with pytest.raises(Stop):
        model.fit(
            train,
            epochs=3,
            verbose=0,
            callbacks=[train.callback(), StopAfter(1, 4)],
        )
    assert train.get_state() == {"epoch": 1, "step": 4}
    rest = data(**reading)
    rest.set_state(train.get_state())
    # As in another process: compiled anew, and Keras' shuffling drawn anew.
    model.compile(model.optimizer, model.loss)
    keras.utils.set_random_seed(7)
    callbacks = [rest.callback()]
    options = dict(verbose=0, callbacks=callbacks)
    model.fit(rest, initial_epoch=1, epochs=2, **options)
    assert rest.get_state() == {"epoch": 2, "step": 0}
    model.fit(rest, initial_epoch=2, epochs=3, **options)
    assert rest.get_state() == {"epoch": 3, "step": 0}
    # One fit after another is one fit.
    parts, train = linear_model(), data(**reading)
    for count in (1, 2):
        parts.fit(train, epochs=count, verbose=0)
    for found in (model, parts):
        for mine, other in zip(found.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(mine, other)
    with pytest.raises(ValueError, match="callback"):
        # Nobody has told what they finished.
        train.get_state()


def test_the_state_of_a_second_fit_is_where_the_batches_are():
    model, train = linear_model(), data()
    for finished in (2, 4):
        # Keras' epochs are 0 and 1 both times.
        model.fit(train, epochs=2, verbose=0, callbacks=[train.callback()])
        assert train.get_state() == {"epoch": finished, "step": 0}


@pytest.mark.parametrize("told", [False, True])
def test_the_rest_of_an_epoch_cuts_no_other_short(told):
    train = data()
    train.set_state({"epoch": 0, "step": 4})
    callbacks = [train.callback()] if told else []
    with pytest.raises(ValueError, match="a fit of its own"):
        linear_model().fit(train, epochs=2, verbose=0, callbacks=callbacks)


def test_parts_of_epochs_have_no_state():
    train = data()
    options = dict(steps_per_epoch=2, verbose=0, callbacks=[train.callback()])
    with pytest.raises(ValueError, match="steps_per_epoch=2 of 6"):
        linear_model().fit(train, **options)


@pytest.mark.parametrize(
    "state, message",
    [
        (3, "state"),
        ({"epoch": 1}, "state"),
        ({"epoch": -1, "step": 0}, "epoch"),
        ({"epoch": 0, "step": 6}, "step.*less than 6"),
        ({"epoch": 0, "step": True}, "step"),
    ],
)
def test_states_of_something_else(state, message):
    with pytest.raises(ValueError, match=message):
        data().set_state(state)


def test_shards_see_every_example_once_in_as_many_batches():
    whole = batches(make(), 2, seed=3)
    shards = [batches(make(), 2, seed=3, shard=(i, 3)) for i in range(3)]
    assert {len(shard) for shard in shards} == {4}

    def seen(data):
        return [image.tobytes() for images, _ in data for image in images]

    together = [image for shard in shards for image in seen(shard)]
    assert len(set(together)) == len(together) == 21
    assert set(together) < set(seen(whole))


def test_targets():
    masks = np.zeros((COUNT, 8, 6, 1), "uint8")
    masks[:, 2:5] = 1
    known = np.arange(COUNT) % 3 == 0
    _, target = batches(make(masks=masks), 4, targets="mask")[0]
    np.testing.assert_array_equal(target, masks[:4])
    examples = make(masks=masks, has_mask=known)
    _, targets, weights = batches(
        examples, 4, targets=["label", "mask", "mask"]
    )[0]
    assert [target.shape for target in targets] == [
        (4,),
        (4, 8, 6, 1),
        (4, 8, 6, 1),
    ]
    assert weights[0].tolist() == [1, 1, 1, 1]
    assert weights[1].tolist() == weights[2].tolist() == [1, 0, 0, 1]
    named = batches(examples, 4, targets={"class": "label", "gate": "mask"})
    _, targets, weights = named[0]
    assert set(targets) == set(weights) == {"class", "gate"}


def test_weights():
    weights = np.linspace(1, 2, COUNT).astype("float32")
    *_, found = batches(make(weights=weights), 5)[1]
    np.testing.assert_array_equal(found, weights[5:10])


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(targets="mask"), "targets.*'label'"),
        (dict(targets={"a": "boxes"}), "targets"),
        (dict(targets=3), "targets"),
        (dict(shard=(3, 3)), "shard"),
        (dict(shard=2), "shard"),
        (dict(shard=(0, 23)), "shard.*22"),
        (dict(threads=-1), "threads"),
        (dict(processes=1.5), "processes"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        batches(make(), **options)
