"""One trial, from its hyperparameters to its numbers."""

import contextlib
import copy
import dataclasses
import logging
import math
import time
import traceback
import zlib

import keras
import keras_tuner

from keras_attention.internals.files import written_whole
from keras_attention.tuning.engine.exploration import free_memory
from keras_attention.tuning.engine.failures import failure_message
from keras_attention.tuning.engine.folder import Folder
from keras_attention.tuning.engine.numbers import StrictWatch
from keras_attention.tuning.engine.numbers import Watch
from keras_attention.tuning.engine.numbers import numbers_of
from keras_attention.tuning.engine.proposals import STARTS

CHECKPOINT = "checkpoint.weights.h5"


@dataclasses.dataclass
class Outcome:
    """How a trial ended: `"COMPLETED"`, `"FAILED"`, `"FATAL"` to a search."""

    status: str
    metrics: dict = dataclasses.field(default_factory=dict)
    step: int = 0  # as of `numbers_of`
    message: str | None = None
    unexpected: bool = False  # It may go better if it is tried again.
    seconds: float | None = None
    config: dict | None = None  # with what only this trial showed
    error: Exception | None = None


def run_trial(job, trial_id, config):
    """Builds, trains and judges the model of a trial.

    Its random numbers depend on the search's seed and on its own number
    alone, whichever process runs it. Returns an `Outcome`, whatever it raises.
    """
    folder = Folder(job.directory)
    if folder.starts(trial_id) >= STARTS:
        return Outcome("FAILED", message=died(folder.starts(trial_id)))
    begun = folder.begin(trial_id)
    start = time.monotonic()
    hp = keras_tuner.HyperParameters.from_config(copy.deepcopy(config))
    try:
        with _quiet():
            metrics, step = _trained(job, folder, trial_id, begun, hp)
        outcome = Outcome("COMPLETED", metrics, step)
    except keras_tuner.errors.FatalError as error:
        outcome = Outcome("FATAL", error=error)
    except SystemExit as error:
        outcome = Outcome(
            "FAILED", message=f"The trial called sys.exit({error.code!r})."
        )
    except Exception as error:
        # A failure that is meant will not go away by trying again.
        meant = isinstance(error, keras_tuner.errors.FailedTrialError)
        message = failure_message(error)
        outcome = Outcome("FAILED", message=message, unexpected=not meant)
        # The frames hold the tensors that did not fit.
        traceback.clear_frames(error.__traceback__)
    except BaseException:
        # Ctrl-C: the process has not died of this trial.
        folder.end(trial_id)
        raise
    finally:
        free_memory()
    outcome.seconds = time.monotonic() - start
    outcome.config = hp.get_config()
    return outcome


def died(times):
    """The reason of a trial whose process died so often."""
    return (
        f"Its process died {times} times before it ended, as when memory "
        "runs out."
    )


def trains_by_fit(hypermodel):
    """Whether a hypermodel trains by `model.fit` and returns its history.

    One with a `fit` of its own may return metrics that no epoch shows.
    """
    return type(hypermodel).fit is keras_tuner.HyperModel.fit


@contextlib.contextmanager
def _quiet():
    """Without TensorFlow's warning that every model is traced anew."""

    def wanted(record):
        return "triggered tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(wanted)
    try:
        yield
    finally:
        logger.removeFilter(wanted)


def _trained(job, folder, trial_id, begun, hp):
    number = zlib.crc32(f"{job.seed}/{trial_id}".encode())
    keras.utils.set_random_seed(number)
    hypermodel = job.hypermodel
    model = hypermodel.build(hp)
    if not isinstance(model, keras.Model):
        raise keras_tuner.errors.FatalTypeError(
            "The hypermodel must build a compiled keras.Model. Received: "
            f"{model!r} of type {type(model).__name__}"
        )
    args, kwargs = job.fit_arguments()
    kwargs["callbacks"] = copy.deepcopy(kwargs.get("callbacks", []))
    if "tuner/epochs" in hp.values:
        kwargs["epochs"] = hp.values["tuner/epochs"]
        kwargs["initial_epoch"] = hp.values["tuner/initial_epoch"]
    if "tuner/trial_id" in hp.values:
        # A later round of Hyperband goes on where an earlier one ended.
        earlier = folder.trial(hp.values["tuner/trial_id"], CHECKPOINT)
        if not earlier.exists():
            raise keras_tuner.errors.FailedTrialError(
                f"It goes on from {earlier}, which is missing: it was deleted, "
                "or the hypermodel's fit trained another model than was built."
            )
        if not model.built:
            model.predict(args[0], steps=1, verbose=0)
        model.load_weights(earlier)
    path = folder.trial(trial_id, CHECKPOINT)
    # Of a run that was interrupted.
    path.unlink(missing_ok=True)

    def check():
        if not folder.is_running(trial_id, begun):
            # The search has ended, or has taken this process for dead.
            raise keras_tuner.errors.FailedTrialError("It was given up.")

    def save(model):
        check()
        with written_whole(path) as new:
            model.save_weights(new)

    # One that tells its numbers has judged the model as it leaves it.
    judged = hasattr(hypermodel, "metric_names")
    watch = Watch(job.objective, check, None if judged else save)
    if trains_by_fit(hypermodel):
        watch = StrictWatch(job.objective, check, save, kwargs)
    kwargs["callbacks"].append(watch)
    results = hypermodel.fit(hp, model, *args, **kwargs)
    metrics, step = numbers_of(results, job.objective)
    score = metrics[job.objective.name]
    kept = watch.best is not None and math.isclose(watch.best, score)
    if not kept and model.built:
        save(model)
    return metrics, step
