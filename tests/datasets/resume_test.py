"""A training that is killed and goes on in another process sees all once.

This file is also what the process runs that is killed.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import zlib

import keras
import numpy as np
import pytest

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.augmentation import Augmentation
from keras_attention.datasets.batches import batches

EPOCHS, STEPS = 3, 6


class Witness(keras.Model):
    """Tells which batches a training was given, and learns nothing."""

    def train_step(self, data):
        images, _ = data
        print(zlib.crc32(np.asarray(images)), flush=True)
        return {"loss": 0.0 * images[0, 0, 0, 0]}


class Save(keras.callbacks.Callback):
    """Saves where the training is, and may end its process there."""

    def __init__(self, data, path, last):
        super().__init__()
        self.data, self.path, self.last = data, path, last

    def on_train_batch_end(self, batch, logs=None):
        state = self.data.get_state()
        self.path.write_text(json.dumps(state))
        if state == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def train(path, last=None):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4 * STEPS, 8, 6, 3), "uint8")
    augment = Augmentation(flip="both", brightness=0.3)
    data = batches(
        from_arrays(images, np.arange(len(images)) % 2),
        4,
        seed=0,
        balance=True,
        augment=augment,
        threads=2,
    )
    inputs = keras.Input((8, 6, 3))
    model = Witness(inputs, keras.layers.Flatten()(inputs))
    model.compile(run_eagerly=True)
    callbacks = [data.callback(), Save(data, path, last)]
    options = dict(verbose=0, callbacks=callbacks)
    first = 0
    if path.exists():
        state = json.loads(path.read_text())
        data.set_state(state)
        first = state["epoch"] + 1
        model.fit(data, initial_epoch=first - 1, epochs=first, **options)
    model.fit(data, initial_epoch=first, epochs=EPOCHS, **options)


# In `make test` training/resumable_test.py kills a process that reads them.
@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on all backends"
)
def test_a_killed_training_goes_on_in_another_process(tmp_path, capsys):
    train(tmp_path / "whole.json")
    whole = capsys.readouterr().out.split()
    assert len(set(whole)) == len(whole) == EPOCHS * STEPS
    path = tmp_path / "state.json"
    command = [sys.executable, __file__, str(path), "1", "4"]
    killed = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert killed.returncode == -signal.SIGKILL
    train(path)
    assert killed.stdout.split() + capsys.readouterr().out.split() == whole


if __name__ == "__main__":
    epoch, step = map(int, sys.argv[2:])
    train(pathlib.Path(sys.argv[1]), {"epoch": epoch, "step": step})
