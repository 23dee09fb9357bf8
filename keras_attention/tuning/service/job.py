"""What every process of a search must have: the job, and how it travels."""

import dataclasses
import os
import pathlib

import cloudpickle
import keras

from keras_attention.tuning.service.runner import make_tuner


@dataclasses.dataclass
class Job:
    """All that runs a trial.

    Attributes:
        hypermodel: The `keras_tuner.HyperModel`.
        train: What `fit` takes, or a function that returns it.
        validation: The same, or `None`.
        tuner_class: The tuner.
        options: Its arguments.
        directory: The search's folder.
        seed: int.
        epochs: int, or `None` for the hypermodel's own.
        callbacks: Callbacks of every trial.
    """

    hypermodel: object
    train: object
    validation: object
    tuner_class: type
    options: dict
    directory: str
    seed: int
    epochs: int | None
    callbacks: tuple

    def make_tuner(self):
        """The tuner that runs the trials."""
        return make_tuner(
            self.tuner_class,
            self.hypermodel,
            self.directory,
            self.seed,
            self.options,
        )

    def fit_arguments(self):
        """Positional and keyword arguments of `HyperModel.fit`."""
        train = self.train() if callable(self.train) else self.train
        args, kwargs = [train], {"verbose": 0}
        if isinstance(train, tuple):
            # What `fit` takes beside the images and the labels is named.
            args = list(train[:2])
            if len(train) == 3:
                kwargs["sample_weight"] = train[2]
        if self.validation is not None:
            validation = self.validation
            validation = validation() if callable(validation) else validation
            kwargs["validation_data"] = validation
        if self.epochs is not None:
            kwargs["epochs"] = self.epochs
        if self.callbacks:
            kwargs["callbacks"] = list(self.callbacks)
        return args, kwargs


def write_job(job, path):
    """Writes a job for workers of this machine, readable by its owner alone.

    Functions and classes of a script or a notebook travel by value, and
    Keras's global settings with them.

    Raises:
        ValueError: A part of it cannot be pickled.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        try:
            cloudpickle.dump(_keras_settings(), file)
            cloudpickle.dump(job, file)
        except Exception as error:
            raise ValueError(_culprit(job, error)) from error


def read_job(path):
    """The job that `write_job` wrote, with Keras set as it was there."""
    with open(path, "rb") as file:
        for name, value in cloudpickle.load(file).items():
            getattr(keras.config, f"set_{name}")(value)
        return cloudpickle.load(file)


def _keras_settings():
    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy(),
    }


def _culprit(job, error):
    for field in dataclasses.fields(job):
        try:
            cloudpickle.dumps(getattr(job, field.name))
        except Exception as failure:
            advice = (
                f"Pass {field.name} as a function without arguments that "
                "makes it, or use workers=1."
                if field.name in ("train", "validation")
                else "Use workers=1, or make it picklable."
            )
            return (
                f"{field.name} cannot be sent to worker processes: "
                f"{type(failure).__name__}: {failure}. {advice}"
            )
    return f"The search cannot be sent to worker processes: {error}"
