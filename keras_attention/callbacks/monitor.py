"""What callbacks share that look at a model between its epochs."""

import contextlib
import copy
import warnings

import keras

from keras_attention.internals import arguments
from keras_attention.visualization.pictures import drawable

DRAWN = 8  # images


class Monitor(keras.callbacks.Callback):
    """Looks after the first epoch and every `every`th, and ends no training.

    A subclass implements `begin()`, `look(epoch, logs)` and `end()`, and lets
    go of what it holds in `forget()`.

    Args:
        every: int, epochs from one look to the next.
        on_error: str, what an error while looking does: `"warn"` is reported
            once and the training goes on, `"raise"` ends it.
    """

    def __init__(self, every, on_error):
        super().__init__()
        self.every = arguments.positive_int("every", every)
        self.on_error = arguments.one_of(
            "on_error", on_error, ("warn", "raise")
        )

    def __deepcopy__(self, memo):
        """A monitor for another training: the same images, nothing seen yet."""
        new = copy.copy(self)
        new.set_model(None)
        new.forget()
        memo[id(self)] = new
        return new

    def on_train_begin(self, logs=None):
        """Starts anew."""
        self.forget()
        with self.guarded():
            self.begin()

    def on_epoch_end(self, epoch, logs=None):
        """Looks, if it is time."""
        if self._first is None:
            self._first = epoch
        if (epoch - self._first) % self.every == 0:
            with self.guarded():
                self.look(epoch, logs)

    def on_train_end(self, logs=None):
        """Writes what is written once, and lets go of the model."""
        self.end()
        self.forget()

    def forget(self):
        """Nothing was seen yet."""
        self._first = None
        self._told = False

    @contextlib.contextmanager
    def guarded(self):
        """What goes wrong here ends no training, unless it is asked to."""
        try:
            yield
        except Exception as error:
            if self.on_error == "raise":
                raise
            if not self._told:
                self._told = True
                warnings.warn(
                    f"{type(self).__name__} could not look, and the training "
                    f"goes on; what follows is not reported. "
                    f"{type(error).__name__}: {error}"
                )


def pictures_of(images, pictures):
    """The images as they are drawn, `(batch, height, width, 3)` in `[0, 1]`.

    Args:
        images: array or several, as the model takes them.
        pictures: array or `None`, if these are not to be drawn.
    """
    pictures = images if pictures is None else pictures
    if isinstance(pictures, dict | list | tuple):
        expected = "an array, as the model has several inputs"
        raise ValueError(arguments.invalid("pictures", None, expected))
    pictures, count = drawable(pictures), count_of(images)
    if len(pictures) != count:
        raise ValueError(
            f"Invalid value for argument pictures: expected {count}, one "
            f"an image. Received: {len(pictures)}"
        )
    return pictures


def count_of(images):
    """How many images there are in an array, or in each of several."""
    return len(keras.tree.flatten(images)[0])
