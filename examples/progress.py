"""What a training says of itself."""

import sys
import time

import keras


class Progress(keras.callbacks.Callback):
    """Where a training begins, one line an epoch for logs, and its seconds.

    Args:
        label: str, what the training is called; `None` leaves it to the
            caller to say so. Defaults to `None`.
        limit: float or `None`, seconds after which the running epoch is the
            last. Defaults to `None`.

    Attributes:
        seconds: float, of all epochs, which a training that goes on keeps.
        processor_seconds: float, of all cores, the same.
    """

    def __init__(self, label=None, limit=None):
        super().__init__()
        self.limit = limit
        self.seconds = self.processor_seconds = 0.0
        self._label, self._begun = label, False

    def on_epoch_begin(self, epoch, logs=None):
        if not self._begun:
            begun_before = int(self.model.optimizer.iterations) > 0
            self._begun = True
            self._say(
                f": goes on at epoch {epoch + 1} of {self.params['epochs']}"
                if begun_before
                else ""
            )
        self._start = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        start, processor_start = self._start
        seconds = time.perf_counter() - start
        self.seconds += seconds
        self.processor_seconds += time.process_time() - processor_start
        if self.limit is not None and self.seconds > self.limit:
            self.model.stop_training = True
        if sys.stdout.isatty():
            return
        numbers = "  ".join(f"{key} {logs[key]:.4f}" for key in logs)
        total = self.params["epochs"]
        print(f"  epoch {epoch + 1}/{total}  {seconds:4.0f} s  {numbers}")

    def on_train_end(self, logs=None):
        if not self._begun:
            self._say(": done")

    def _say(self, what):
        if self._label is not None:
            print(f"\n{self._label}{what}", flush=True)
