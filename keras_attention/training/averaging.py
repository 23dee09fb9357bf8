"""Callbacks that see the average of the weights over the steps."""

import keras
from keras import ops


def averaged(callbacks=()):
    """Callbacks for `fit`, with the averaged weights in the model for them.

    With an optimizer of `use_ema=True` the average is what `fit` leaves in the
    model. So it has to be what validation, `ModelCheckpoint` and
    `EarlyStopping` see: a callback in front of them puts it into the model,
    one behind them puts back the weights that go on training.

    Against `keras.callbacks.SwapEMAWeights`, which belongs in front of the
    others (behind them they see what no `fit` returns): after it the model
    holds the average between epochs too, so that a training that
    `EarlyStopping` ends before its last epoch returns the weights of the last
    step, and a checkpoint of `Resumable` goes on from the average.

    On JAX, Keras cannot `fit` a second time after an average; with these
    callbacks it can. Statistics of batch normalization are those of the last
    step.

    Args:
        callbacks: list of Keras callbacks, in their order. Others that need
            the weights of the last step stay outside of the list. Defaults to
            `()`.

    Returns:
        A list of callbacks.

    Raises:
        ValueError: In `fit`, if the optimizer averages nothing.

    Example:

    >>> import keras
    >>> from keras_attention.training import averaged
    >>> callbacks = averaged([keras.callbacks.EarlyStopping()])
    >>> [type(callback).__name__ for callback in callbacks]
    ['Averages', 'EarlyStopping', 'LastWeights']
    """
    averages = Averages()
    return [averages, *callbacks, LastWeights(averages)]


class Averages(keras.callbacks.Callback):
    """Puts the averages into the model, before other callbacks."""

    def __init__(self):
        super().__init__()
        self._last = None

    def on_train_begin(self, logs=None):
        """Are there any?"""
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        every = getattr(optimizer, "optimizers", [optimizer])
        if not all(one.use_ema for one in every):
            raise ValueError(
                "averaged(...) needs an optimizer that averages the weights: "
                "keras.optimizers.AdamW(use_ema=True), or ema=0.99 in "
                "compile_fine_tuning."
            )

    def on_epoch_end(self, epoch, logs=None):
        """For what comes next in the list."""
        self.put()

    def on_test_begin(self, logs=None):
        """For the validation."""
        self.put()

    def on_train_end(self, logs=None):
        """The model has the averages now."""
        self._own()

    def put(self):
        """Puts the averages in, unless they are."""
        if self._last is None:
            variables = self.model.trainable_variables
            self._last = [ops.copy(one.value) for one in variables]
            self.model.optimizer.finalize_variable_values(variables)
            self._own()

    def put_back(self):
        """Puts the weights of the last step back, unless they are."""
        if self._last is not None:
            variables = self.model.trainable_variables
            for variable, value in zip(variables, self._last, strict=True):
                variable.assign(value)
            self._last = None

    def _own(self):
        # On JAX a weight and its average are one array now, which the next
        # step gives away.
        for variable in self.model.trainable_variables:
            variable.assign(ops.copy(variable.value))


class LastWeights(keras.callbacks.Callback):
    """Puts the weights of the last step back, after other callbacks."""

    def __init__(self, averages):
        super().__init__()
        self._averages = averages

    def on_epoch_end(self, epoch, logs=None):
        """Training goes on."""
        self._averages.put_back()

    def on_test_end(self, logs=None):
        """Training goes on."""
        self._averages.put_back()
