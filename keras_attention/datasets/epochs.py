"""An order that seed and epoch alone decide, and where in it a training is."""

import copy
import weakref

import keras
import numpy as np

from keras_attention.datasets.ahead import closing
from keras_attention.datasets.ahead import read_ahead
from keras_attention.datasets.ahead import within
from keras_attention.datasets.elements import epoch_order
from keras_attention.internals import arguments

# Seconds that a batch may take; a disk that hangs hangs for ever.
PATIENCE = 600


class EpochBatches(keras.utils.PyDataset):
    """Batches of `count` examples whose order is one of `seed` and epoch.

    Going through it once, by `fit` or by a loop, is an epoch. On every
    backend `fit` ends one before it begins, so that its first is number 1;
    another `fit` goes on behind it.
    `fit` gets the batches in their order: that it mixes them again by
    Python's `random`, unless it is told `shuffle=False`, is without effect.
    With 0 threads and processes a batch is prepared when it is asked for.
    """

    def __init__(self, count, batch_size, seed=None, threads=0, processes=0):
        super().__init__()
        # TFDS counts in NumPy integers, which `len` must not return.
        self.count = int(count)
        self.batch_size = batch_size
        self.seed = seed
        self.threads = threads
        self.processes = processes
        self._orders = {}
        self._ahead, self._next, self._close = None, None, None
        self._served = None  # of the pass that `fit` is in
        self._passed = False  # and nothing since
        self._told = False  # by the callback
        self._rest = False  # the pass before was the rest of an epoch
        self.epoch = 0

    def batch(self, epoch, positions):
        """The batch of these positions in the order of an epoch."""
        raise NotImplementedError

    def words(self, step):
        """What messages call the examples of a batch."""
        return f"examples {self.chosen(self.epoch, self._positions(step))}"

    @property
    def steps(self):
        """Number of batches in a whole epoch, `fit`'s `steps_per_epoch`."""
        return -(-self.count // self.batch_size)

    def __len__(self):
        return self.steps - self._first

    def __getitem__(self, index):
        """The next batch of a pass of `fit`; elsewhere the one asked for."""
        index = range(len(self))[index]
        if self._served is None:
            return self._at(self.epoch * self.steps + self._first + index)
        self._served += 1
        return self._take(self._first + self._served - 1)

    def __iter__(self):
        for step in range(self._first, self.steps):
            batch = self._take(step)
            self._finished = (self.epoch, step + 1)
            yield batch
        self.epoch += 1

    @property
    def epoch(self):
        """Number of the epoch, which a resumed training may set."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch):
        self._epoch = arguments.non_negative_int("epoch", epoch)
        self._finished = (self._epoch, 0)
        self._first, self._resumed = 0, False
        self._passed = False

    def on_epoch_begin(self):
        """A pass of `fit` begins."""
        if self._rest:
            # Keras would cut the whole epochs to the length of the rest.
            raise ValueError(
                "After set_state the rest of the epoch is a fit of its own: "
                "fit(..., initial_epoch=e, epochs=e + 1), then another fit."
            )
        self._served = 0
        if not self._told:
            self._finished = None

    def on_epoch_end(self):
        """Moves on to the order of the next epoch."""
        # `fit` ends an epoch before it begins one: which counts, unless another
        # `fit` has just ended it, and what `set_state` leaves out is left out
        # of the next.
        passing = self._served is not None
        left = self._first and not self._resumed
        self._rest = passing and left and self._served >= len(self)
        if passing or not self._passed:
            self._epoch += 1
        self._passed, self._served = passing, None
        if not self._resumed:
            self._first = 0
        self._resumed = False

    def get_state(self):
        """Where a training is: `{"epoch": finished, "step": finished in it}`.

        In a loop, what it was given. `fit` reads ahead of what it has
        finished, so there the callback of `callback()` has to tell.

        Returns:
            A dict of two integers, which JSON can hold.

        Raises:
            ValueError: in or after a `fit` without the callback.
        """
        if self._finished is None:
            raise ValueError(
                "What fit has finished is known with "
                "fit(..., callbacks=[data.callback()])."
            )
        epoch, step = self._finished
        if step == self.steps:
            epoch, step = epoch + 1, 0
        return {"epoch": epoch, "step": step}

    def set_state(self, state):
        """Goes on where `get_state` was asked, in this process or another.

        The next pass is the rest of that epoch, and `len` its number of
        batches. With `fit` it is one of its own: `fit(train, initial_epoch=e,
        epochs=e + 1)` and then `fit(train, initial_epoch=e + 1, epochs=all)`.

        Args:
            state: dict, from `get_state`.

        Raises:
            ValueError: if it is no such state, or none of these batches.
        """
        if not isinstance(state, dict) or set(state) != {"epoch", "step"}:
            expected = "a dictionary of epoch and step"
            raise ValueError(arguments.invalid("state", state, expected))
        step = arguments.non_negative_int("step", state["step"])
        if step >= self.steps:
            expected = f"less than {self.steps}, the batches of an epoch"
            raise ValueError(arguments.invalid("step", step, expected))
        self.epoch = state["epoch"]
        self._first, self._resumed = step, True
        self._finished = (self.epoch, step)

    def callback(self):
        """A callback for `fit` that tells these batches what it finished."""
        return _Finished(self)

    def order(self, epoch):
        """The examples of an epoch, int64 `(count,)`."""
        return epoch_order(self.count, self.seed, epoch)

    def chosen(self, epoch, positions):
        """Which examples stand at these positions of an epoch."""
        order = self._orders.get(epoch)
        if order is None:
            order = self.order(epoch)
            # Who reads ahead is in two epochs at once.
            last = list(self._orders.items())[-1:]
            self._orders = dict([*last, (epoch, order)])
        return order[positions]

    def _at(self, number):
        """A batch by its number in the whole training."""
        epoch, step = divmod(number, self.steps)
        return self.batch(epoch, self._positions(step))

    def _positions(self, step):
        start = step * self.batch_size
        return np.arange(start, min(start + self.batch_size, self.count))

    def _take(self, step):
        """The same, prepared ahead."""
        number = self.epoch * self.steps + step
        if not (self.threads or self.processes):
            return self._at(number)
        if self._ahead is None or self._next != number:
            self._stop()
            # Of a copy: what reads would keep these batches, and they it.
            read = copy.copy(self)._at
            self._ahead = [
                read_ahead(read, number, self.threads, self.processes)
            ]
            self._close = weakref.finalize(self, closing(self._ahead))
        self._next = number + 1
        try:
            return within(PATIENCE, self._ahead[0])
        except Exception as error:
            # What reads ahead is not to be asked again.
            self._stop()
            if not isinstance(error, RuntimeError):
                raise
            raise RuntimeError(
                f"Preparing the batches from {step} of epoch {self.epoch} on, "
                f"which begin with {self.words(step)}: {error}"
            ) from error

    def _stop(self):
        """Ends the threads and processes that read ahead."""
        if self._ahead is not None:
            self._close()
            self._ahead, self._close = None, None

    def __getstate__(self):
        # Another process reads for itself.
        return {**self.__dict__, "_ahead": None, "_close": None, "_orders": {}}


class _Finished(keras.callbacks.Callback):
    """Counts the steps of a `fit`."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def on_train_begin(self, logs=None):
        self.data._told = True

    def on_epoch_begin(self, epoch, logs=None):
        steps = (self.params or {}).get("steps")
        if steps is not None and steps < len(self.data) and not self.data._rest:
            raise ValueError(
                "Where a training is can be told of whole epochs only. "
                f"Received: steps_per_epoch={steps} of {len(self.data)}"
            )
        # Keras' number begins anew with every `fit`. Of the epoch that
        # `set_state` goes on with, some are finished.
        self.epoch, self.start = self.data.epoch - 1, self.data._first
        self.data._finished = (self.epoch, self.start)

    def on_train_batch_end(self, batch, logs=None):
        self.data._finished = (self.epoch, self.start + batch + 1)

    def on_train_end(self, logs=None):
        self.data._told = False
