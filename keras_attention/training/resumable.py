"""`fit` that goes on where it was killed."""

import keras

from keras_attention.internals import arguments
from keras_attention.internals.lock import locked
from keras_attention.training.checkpoints import Checkpoints
from keras_attention.training.checkpoints import Writer
from keras_attention.training.description import describe
from keras_attention.training.interruption import Interruption
from keras_attention.training.keeper import Keeper
from keras_attention.training.keeper import WholeRun

LOCK = "training"


class Resumable:
    """A training that survives a kill: the same call again goes on.

    After every epoch, and every so many steps, all that the training is made
    of is written beside it: weights, optimizer, the seeds of dropout and other
    random layers, the metrics of the running epoch, the callbacks' values
    (how long `EarlyStopping` has waited, and its best weights), the history,
    and at which batch the data is. `fit` of the same program then ends with
    the weights that it would have had without the kill: bit-equal where the
    backend computes the same twice, as on a processor with
    `keras.utils.set_random_seed` and as many threads.

    SIGTERM and Ctrl-C end it at the next step, with a checkpoint and the exit
    status 143 or 130. A loss or a weight that is not finite ends it with an
    error that names the batch; the checkpoints before stay.

    Why no callback of `model.fit`: a callback cannot give the others their
    values back after they have begun, nor end an epoch that was begun before.

    Args:
        folder: str or path, of this training alone; other files in it are
            left alone.
        every: int or `None`, steps between checkpoints inside an epoch; `None`
            writes at the end of each epoch only. Defaults to `None`.
        keep: int, how many checkpoints are kept; should the newest be damaged,
            the one before is used, with a warning. Defaults to `2`.
        settings: dict or `None`, plain values of the program that must be the
            same when it goes on, such as its arguments. Layers, optimizer,
            loss, callbacks, Keras, backend, batch size and number of examples
            are compared in any case. Defaults to `None`.

    Raises:
        ValueError: For an `every` or a `keep` that is no positive integer.

    Example:

    >>> import keras, numpy as np, tempfile
    >>> from keras_attention import datasets
    >>> from keras_attention.training import Resumable
    >>> def train(epochs, folder):
    ...     keras.utils.set_random_seed(0)
    ...     images = np.random.default_rng(0).random((12, 8, 8, 1), "float32")
    ...     data = datasets.from_arrays(images, np.arange(12) % 2)
    ...     batches = datasets.batches(data, 4, seed=0)
    ...     model = keras.Sequential([
    ...         keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...         keras.layers.Dropout(.5), keras.layers.Dense(2)])
    ...     loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ...     model.compile("adam", loss)
    ...     history = Resumable(folder).fit(model, batches, epochs, verbose=0)
    ...     return len(history.history["loss"]), model.get_weights()[0]
    >>> whole, folder = tempfile.mkdtemp(), tempfile.mkdtemp()
    >>> _ = train(1, folder)
    >>> epochs, weights = train(2, folder)
    >>> epochs, bool((weights == train(2, whole)[1]).all())
    (2, True)
    """

    def __init__(self, folder, every=None, keep=2, settings=None):
        self.every = arguments.positive_int("every", every, optional=True)
        self.checkpoints = Checkpoints(folder, keep)
        self.settings = settings

    def fit(self, model, data, epochs, callbacks=(), verbose="auto", **options):
        """Trains up to `epochs`, from the newest checkpoint if there is one.

        Args:
            model: A compiled, built `keras.Model`.
            data: Of `datasets.batches`, whose position can be set.
            epochs: int, of the whole training. With more than before it goes
                on, unless a callback had stopped it.
            callbacks: list of Keras callbacks, defaults to none. A file that
                one writes it must be told to continue, such as
                `CSVLogger(append=True)`.
            verbose: As in `model.fit`, defaults to `"auto"`.
            **options: Others of `model.fit`, such as `validation_data`.

        Returns:
            The `keras.callbacks.History` of all epochs.

        Raises:
            ValueError: The checkpoints are of another training, or damaged.
            RuntimeError: Another process trains into the folder.
            FloatingPointError: The loss or a weight is not finite.
        """
        check(model, data, options)
        epochs = arguments.positive_int("epochs", epochs)
        callbacks = list(callbacks)
        model.optimizer.build(model.trainable_variables)
        with (
            self._locked(),
            Interruption().noted() as interruption,
            Writer(self.checkpoints) as writer,
        ):
            history = keras.callbacks.History()
            keeper = Keeper(data, self.every, writer, interruption)
            # As Keras has it, behind those that add to the logs.
            keeper.kept = [*callbacks, history]
            words = (
                f"{data.count} examples in batches of {data.batch_size}, "
                f"seed {data.seed}"
            )
            keeper.program = describe(model, words, callbacks, self.settings)
            run = WholeRun(
                [*keeper.kept, data.callback(), keeper],
                add_progbar=verbose != 0,
                model=model,
                verbose=verbose,
                epochs=epochs,
                steps=data.steps,
            )
            run.after_begin = keeper.after_begin
            self.checkpoints.tidy()
            found = self.checkpoints.newest()
            for first, last in keeper.passes(model, found, epochs):
                model.fit(
                    data,
                    initial_epoch=first,
                    epochs=last,
                    callbacks=run,
                    verbose=verbose,
                    **options,
                )
            run.end()
        return history

    def clear(self):
        """Deletes the checkpoints, once what was trained is saved elsewhere.

        The folder goes too, unless there is something else in it.

        Raises:
            RuntimeError: Another process trains into the folder.
        """
        folder = self.checkpoints.folder
        with self._locked():
            self.checkpoints.clear()
        (folder / f"{LOCK}.lock").unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    def _locked(self):
        folder = self.checkpoints.folder
        return locked(folder, LOCK, "keras_attention.training")


def check(model, data, options):
    """Before anything is trained or written.

    Raises:
        ValueError: Something cannot go on where it was.
    """
    if not all(
        hasattr(data, name) for name in ("get_state", "set_state", "callback")
    ):
        raise ValueError(
            "The position of data must be one that can be set again, which it "
            f"can in datasets.batches(...). Received: {type(data).__name__}. "
            "For arrays: datasets.batches(datasets.from_arrays(x, y), 32)."
        )
    if not model.built or getattr(model, "optimizer", None) is None:
        raise ValueError(
            "The model must be built and compiled, so that its weights and "
            "its optimizer can be set."
        )
    wrong = {"epochs", "initial_epoch", "steps_per_epoch", "x", "y"} & {
        *options
    }
    if wrong:
        raise ValueError(
            f"{', '.join(sorted(wrong))}: the checkpoints and the data say "
            "where a training goes on and how long an epoch is."
        )
