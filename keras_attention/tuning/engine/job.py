"""All that a trial needs, and how it travels to other processes."""

import dataclasses
import os
import pathlib
import platform
import socket

import keras
import keras_tuner

from keras_attention.internals.arguments import invalid
from keras_attention.internals.requirements import explained
from keras_attention.tuning.trial.supervised import loaded
from keras_attention.version import __version__


@dataclasses.dataclass
class Job:
    """All that runs a trial: arguments of `search`, checked.

    Callbacks are among the `fit_options`.
    """

    hypermodel: object
    train: object
    validation: object
    objective: object
    directory: pathlib.Path
    seed: int
    epochs: int | None
    fit_options: dict

    def fit_arguments(self):
        """Positional and keyword arguments of `HyperModel.fit`."""
        train = loaded(self.train)
        args, kwargs = [train], {"verbose": 0, **self.fit_options}
        if isinstance(train, tuple):
            # What `fit` takes beside the images and the labels is named.
            args = list(train[:2])
            if len(train) == 3:
                kwargs["sample_weight"] = train[2]
        if self.validation is not None:
            kwargs["validation_data"] = loaded(self.validation)
        if self.epochs is not None:
            kwargs["epochs"] = self.epochs
        return args, kwargs


class _Builder(keras_tuner.HyperModel):
    """A function of hyperparameters as a `HyperModel`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def build(self, hp):
        return self.function(hp)


def as_hypermodel(hypermodel):
    """A `HyperModel`, of one or of a function of hyperparameters."""
    if isinstance(hypermodel, keras_tuner.HyperModel):
        return hypermodel
    if callable(hypermodel) and not hasattr(hypermodel, "fit"):
        return _Builder(hypermodel)
    expected = "a keras_tuner.HyperModel or a function of hyperparameters"
    hint = (
        " A model is attached to by AttentionHyperModel(base=model)."
        if hasattr(hypermodel, "fit")
        else ""
    )
    raise ValueError(invalid("hypermodel", hypermodel, expected) + hint)


def write_job(job, path):
    """Writes a job for other processes, readable by its owner alone.

    Functions and classes of a script or a notebook travel by value, and
    Keras's global settings with them.
    """
    with explained("keras_attention.tuning"):
        import cloudpickle
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        try:
            for part in (_versions(), _keras_settings(), job):
                cloudpickle.dump(part, file)
        except Exception as error:
            raise ValueError(_culprit(job, error)) from error


def read_job(path):
    """The job that `write_job` wrote, with Keras set as it was there.

    Raises:
        RuntimeError: One that ends a search: this machine does not see the
            file, or has other versions.
    """
    with explained("keras_attention.tuning"):
        import cloudpickle
    where = f"the worker on {socket.gethostname()}"
    error = keras_tuner.errors.FatalRuntimeError
    if not path.exists():
        raise error(
            f"{where.capitalize()} does not see {path.parent.parent}. All "
            "machines of a search must: choose a directory that they share."
        )
    with path.open("rb") as file:
        there, here = cloudpickle.load(file), _versions()
        differ = [
            f"{name} is {here[name]} there and {there[name]} here"
            for name in there
            if here[name] != there[name]
        ]
        if differ:
            raise error(
                f"{where.capitalize()} is set up otherwise than the process "
                f"that searches: {'; '.join(differ)}."
            )
        for name, value in cloudpickle.load(file).items():
            getattr(keras.config, f"set_{name}")(value)
        return cloudpickle.load(file)


def _versions():
    return {
        "the backend (KERAS_BACKEND)": keras.config.backend(),
        "Keras": keras.__version__,
        "keras_attention": __version__,
        "Python": platform.python_version().rpartition(".")[0],
    }


def _keras_settings():
    return {
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy(),
    }


def _culprit(job, error):
    import cloudpickle

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
                f"{field.name} cannot be sent to other processes: "
                f"{type(failure).__name__}: {failure}. {advice}"
            )
    return f"The search cannot be sent to other processes: {error}"
