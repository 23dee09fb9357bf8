"""The callback that writes checkpoints, and the list of all callbacks."""

import math

import keras

from keras_attention.training import state
from keras_attention.training.description import differences


class Keeper(keras.callbacks.Callback):
    """Writes what a training is made of, and gives it back.

    Args:
        data: Batches whose position can be asked for and set.
        every: int, steps between checkpoints inside an epoch, or `None`.
        writer: A `Writer`.
        interruption: An `Interruption`.

    Attributes:
        kept: List of the callbacks whose values are kept.
        program: dict, what must be the same when it goes on.
    """

    def __init__(self, data, every, writer, interruption):
        super().__init__()
        self.data = data
        self.every = every
        self.writer = writer
        self.interruption = interruption
        self.kept, self.program = [], {}
        self._found, self._given = None, None
        self._since, self._saved, self._last = [], {}, 0

    def passes(self, model, found, epochs):
        """First and last epoch of every `fit` that is left.

        Args:
            model: The compiled model, which gets what the checkpoint holds.
            found: Arrays and record of a checkpoint, or `None`.
            epochs: int, of the whole training.

        Yields:
            Pairs for `initial_epoch` and `epochs`. An epoch that was begun
            before is one of its own.

        Raises:
            ValueError: The checkpoint is of another training.
        """
        self._found = found
        position, stopped = {"epoch": 0, "step": 0}, False
        if found:
            arrays, record = found
            self._check_program(record["program"])
            position, stopped = record["data"], record["stopped"]
            if position["step"]:
                # TensorFlow makes metrics when they first see a batch.
                model.test_on_batch(*self.data[0])
            self._given = arrays
            state.write_variables(model, arrays)
        # Another training may have used the data before.
        self.data.set_state(position)
        self._last, epoch = self._number(position), position["epoch"]
        if position["step"] and epoch < epochs:
            yield epoch, epoch + 1
            epoch, stopped = epoch + 1, model.stop_training
            # `fit` has put the averages of the weights in their place.
            state.write_variables(model, self._saved)
        if epoch < epochs and not stopped:
            yield epoch, epochs
        else:
            model.optimizer.finalize_variable_values(model.trainable_variables)

    def after_begin(self):
        """The callbacks have begun: they get back what they had."""
        self._since = [
            state.read_attributes(callback, {}, "") for callback in self.kept
        ]
        if self._found is None:
            return
        arrays, record = self._found
        for callback, found in zip(self.kept, record["callbacks"], strict=True):
            state.write_attributes(callback, found, arrays)
        self._found = None

    def on_epoch_begin(self, epoch, logs=None):
        """Gives back what Keras has set back until here."""
        if self._given is None:
            return
        if self.data.get_state()["step"]:
            state.write_variables(self.model, self._given, ["metrics"])
        else:
            self._give_generators()

    def on_train_batch_begin(self, batch, logs=None):
        """Gives back what beginning an epoch draws from, if one was begun."""
        if self._given is not None:
            self._give_generators()

    def _give_generators(self):
        state.write_generators(self._given)
        self._given = None

    def on_train_batch_end(self, batch, logs=None):
        """Writes what is due, and ends what was told to end."""
        loss = (logs or {}).get("loss", 0.0)
        position = self.data.get_state()
        if not math.isfinite(loss):
            self._refuse(f"The loss is {loss}", batch)
        # The end of an epoch, with validation, has a checkpoint of its own.
        if not position["step"]:
            return
        due = self.every and (self._number(position) - self._last >= self.every)
        if due or self.interruption.signal:
            self._save(position, batch)
        if self.interruption.signal:
            self._leave()

    def on_epoch_end(self, epoch, logs=None):
        """Writes, whatever else is due."""
        self._save(self.data.get_state(), self.data.steps - 1)
        if self.interruption.signal:
            self._leave()

    def _save(self, position, batch):
        model = self.model
        arrays = {**state.read_variables(model), **state.read_generators()}
        path = state.not_finite(model, arrays)
        if path:
            self._refuse(f"{path} is not finite", batch)
        callbacks = [
            state.read_attributes(callback, arrays, f"callback/{i}", since)
            for i, (callback, since) in enumerate(
                zip(self.kept, self._since, strict=True)
            )
        ]
        record = {
            "program": self.program,
            "data": position,
            "stopped": bool(model.stop_training),
            "callbacks": callbacks,
        }
        self._saved, self._last = arrays, self._number(position)
        self.writer.write(self._last, arrays, record)

    def _number(self, position):
        return position["epoch"] * self.data.steps + position["step"]

    def _check_program(self, before):
        found = differences(before, self.program)
        if found:
            raise ValueError(
                f"{self.writer.folder} holds another training: "
                f"{'; '.join(found)}. Use another folder, or the program "
                "that wrote it."
            )

    def _refuse(self, what, batch):
        examples = self.data.words(batch)
        raise FloatingPointError(
            f"{what} after batch {batch} ({examples}). Checkpoints from "
            f"before are in {self.writer.folder}."
        )

    def _leave(self):
        self.writer.wait()
        self.interruption.leave()


class WholeRun(keras.callbacks.CallbackList):
    """Callbacks that begin and end once, over more than one `fit`."""

    after_begin, _begun, _logs = None, False, None

    def on_train_begin(self, logs=None):
        """Once."""
        if not self._begun:
            self._begun = True
            super().on_train_begin(logs)
            self.after_begin()

    def on_train_end(self, logs=None):
        """Not yet: another `fit` may follow."""
        self._logs = logs

    def end(self):
        """Ends all, also where no epoch was left to train."""
        self.on_train_begin()
        super().on_train_end(self._logs)
