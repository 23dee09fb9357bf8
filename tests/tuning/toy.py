"""A hypermodel that costs nothing, for the tests of the search."""

import os
import pathlib
import signal
import time

import keras
import keras_tuner
import numpy as np

from keras_attention import alignments

#: An alignment that has no temperature to draw.
UNTEMPERED = next(
    key
    for key in ("min_max", *alignments.available())
    if "temperature" not in alignments.get(key).get_config()
)
DATA = (np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32"))


class Toy(keras_tuner.HyperModel):
    """Trains nothing: its objective is a formula of its hyperparameters.

    Writes a line `trial process value` to `journal` for every run.
    """

    def __init__(self, journal=None, seconds=0.0, fault=None):
        super().__init__()
        self.journal = journal and str(journal)
        self.seconds = seconds
        self.fault = fault

    def build(self, hp):
        units = hp.Choice("units", [1, 2, 3, 4])
        hp.Choice("kind", ["plain", "gate"])
        with hp.conditional_scope("kind", ["gate"]):
            hp.Int("heads", 1, 3)
        hp.Choice("rate", [0.1, 0.01, 0.001])
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
        model.compile("sgd", "mse")
        return model

    def fit(self, hp, model, *args, **kwargs):
        value = score(hp.values)
        if self.journal:
            with open(self.journal, "a") as file:
                file.write(f"{name_of(hp.values)} {os.getpid()} {value}\n")
        time.sleep(self.seconds)
        if self.fault:
            value = self.fault(hp, value)
        # What Hyperband continues from.
        for callback in kwargs["callbacks"]:
            callback.set_model(model)
            callback.on_epoch_end(0, {"val_accuracy": value})
        return {"val_accuracy": value, "seconds": 0.25}


def score(values):
    return values["units"] / 8 + values["rate"] + values.get("heads", 0) / 16


def name_of(values):
    return ",".join(f"{k}={v}" for k, v in sorted(values.items()))


def runs(journal):
    lines = pathlib.Path(journal).read_text().splitlines()
    return [line.split() for line in lines]


def kill_once(marker):
    """A fault: the first process that comes here is killed in mid-trial."""

    def fault(hp, value):
        try:
            pathlib.Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return value
        os.kill(os.getpid(), signal.SIGKILL)

    return fault


def alive(pid):
    """Whether a process runs; one that its parent has not asked for is dead."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
