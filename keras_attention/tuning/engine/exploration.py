"""The hyperparameters of a hypermodel, found by asking it for models."""

import keras
import keras_tuner

from keras_attention.tuning.engine.failures import failure_message
from keras_attention.tuning.trial.labels import majority_share
from keras_attention.tuning.trial.supervised import loaded


def explore(job, config, allow_new_entries, tune_new_entries):
    """The configuration of every hyperparameter, and why builds failed.

    What `hypermodel.declare_hyperparameters` tells costs no model. `build` is
    then called once, and again for every conditional scope that was not
    entered yet, with the values that open it. A build that fails ends
    nothing: what it had asked for until then is known, and the trials find
    the rest.
    """
    oracle = keras_tuner.Oracle(
        hyperparameters=keras_tuner.HyperParameters.from_config(config),
        allow_new_entries=allow_new_entries,
        tune_new_entries=tune_new_entries,
    )
    known = set()
    _visit(job.hypermodel.declare_hyperparameters, oracle, known)
    failures = _visit(job.hypermodel.build, oracle, known)
    return oracle.get_space().get_config(), failures


def _visit(ask, oracle, known):
    failures = []
    pending = {(): []}
    while pending:
        conditions = pending.pop(next(iter(pending)))
        hp = oracle.get_space()
        # Unset values become defaults when they are asked for, which a space
        # drawn at random would not repeat.
        hp.values = {c.name: c.values[0] for c in conditions}
        for entry in hp.space:
            if hp.is_active(entry):
                hp.values.setdefault(entry.name, entry.default)
        try:
            ask(hp)
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            failures.append(failure_message(error))
        finally:
            free_memory()
        oracle.update_space(hp)
        for conditions in hp.active_scopes:
            known.add(_key(conditions))
            pending.pop(_key(conditions), None)
        for conditions in hp.inactive_scopes:
            if _key(conditions) not in known:
                # Tried once, whether or not these values open it.
                known.add(_key(conditions))
                pending[_key(conditions)] = conditions
    return failures


def majority(job):
    """The accuracy of who always says one class, where that can be told.

    Of the validation data, or of what folds divide.
    """
    data = job.validation if job.validation is not None else job.train
    return majority_share(loaded(data))


def free_memory():
    """Drops the last model, and what the backend keeps of it."""
    # Collects garbage too.
    keras.utils.clear_session()
    if keras.config.backend() == "torch":
        import torch

        torch.cuda.empty_cache()


def _key(conditions):
    return tuple((c.name, tuple(c.values)) for c in conditions)
