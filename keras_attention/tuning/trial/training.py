"""One trial: a network is trained and judged, and its repeats summed up."""

import statistics
import time

import keras

from keras_attention.inspection.costs import count_costs
from keras_attention.tuning.trial.agreement import mean_attention_energy
from keras_attention.tuning.trial.budget import COSTS
from keras_attention.tuning.trial.data import check_end
from keras_attention.tuning.trial.data import has_own_order
from keras_attention.tuning.trial.data import rewind
from keras_attention.tuning.trial.data import steps_of
from keras_attention.tuning.trial.schedule import install
from keras_attention.tuning.trial.schedule import is_scheduled


def train(model, training, run, options, restore_best=None):
    """Trains a compiled model with its drawn schedule, and judges it.

    `training` is what `training_space` drew; `None` leaves the optimizer as it
    is. `options` are those of `keras.Model.fit`, with `epochs`, `initial_epoch`
    and `batch_size`. Returns the numbers of `AttentionHyperModel.fit`.
    """
    options = dict(options)
    batch_size = options.pop("batch_size")
    per_epoch = options.get("steps_per_epoch")
    until = options.get("validation_steps")
    check_end("training", run.train, per_epoch, "steps_per_epoch")
    check_end("validation", run.validation, until, "validation_steps")
    if training is not None and is_scheduled(training):
        steps = steps_of(run.train, batch_size, per_epoch)
        epochs, initial = options["epochs"], options["initial_epoch"]
        install(model.optimizer, training, steps, epochs, initial)
        if model.train_function is not None:
            # The one of an earlier `fit` has the earlier schedule in it.
            model.make_train_function(force=True)
    callbacks = list(options.pop("callbacks", None) or [])
    if restore_best:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                restore_best,
                patience=options["epochs"],
                restore_best_weights=True,
            )
        )
    fitted = _as_arguments(run.train, batch_size)
    if has_own_order(run.train):
        options.setdefault("shuffle", False)
    rewind(run.train, options["initial_epoch"])
    keras.utils.set_random_seed(run.seed)
    start = time.perf_counter()
    history = model.fit(
        **fitted, validation_data=run.validation, callbacks=callbacks, **options
    ).history
    seconds = time.perf_counter() - start
    results = {
        name: values[-1]
        for name, values in history.items()
        if not name.startswith("val_") and name != "learning_rate"
    }
    size = options.get("validation_batch_size") or batch_size
    results["seconds"] = seconds
    return _judged(model, run, size, until, results)


def result_names(compiled, kind, repeats):
    """Names of all numbers of a trial: those of an epoch are `compiled`.

    >>> found = result_names(["loss"], "seed", 2)
    >>> {"val_loss_spread", "seconds_seed1", "flops"} <= found
    True
    """
    names = [*compiled, *(f"val_{name}" for name in compiled)]
    names += ["seconds", "accuracy_per_gflop", "attention_energy"]
    if repeats > 1:
        ends = ["spread", *(f"{kind}{number}" for number in range(repeats))]
        names += [f"{name}_{end}" for name in names for end in ends]
    return {*names, *COSTS}


def summary_of(results, names):
    """Means, spreads and the numbers themselves of repeats.

    >>> found = summary_of([{"loss": 1.0}, {"loss": 3.0}], ["seed0", "seed1"])
    >>> found["loss"], found["loss_spread"], found["loss_seed1"]
    (2.0, 2.0, 3.0)
    """
    summary = {}
    for name in results[0]:
        values = [result.get(name) for result in results]
        if None in values:
            # Not in every fold is there an object to attend to.
            continue
        summary[name] = statistics.fmean(values)
        if name in COSTS:
            continue
        summary[f"{name}_spread"] = max(values) - min(values)
        for run, value in zip(names, values, strict=True):
            summary[f"{name}_{run}"] = value
    return summary


def _judged(model, run, batch_size, steps, results):
    # Of the model as it is now, whatever a callback restored.
    validation = model.evaluate(
        **_as_arguments(run.validation, batch_size),
        steps=steps,
        verbose=0,
        return_dict=True,
    )
    results |= {f"val_{name}": v for name, v in validation.items()}
    costs = count_costs(model).total
    results["parameters"] = costs.parameters
    results["flops"] = costs.flops
    if "val_accuracy" in results:
        gflops = costs.flops / 1e9
        results["accuracy_per_gflop"] = results["val_accuracy"] / gflops
    if run.masked is not None:
        energy = mean_attention_energy(model, run.masked, batch_size, steps)
        if energy is not None:
            results["attention_energy"] = energy
    return {name: float(value) for name, value in results.items()}


def _as_arguments(data, batch_size):
    """Arrays as `x`, `y` and weights; batches as `x`."""
    if not isinstance(data, tuple):
        return {"x": data}
    names = ("x", "y", "sample_weight")
    arrays = dict(zip(names, data, strict=False))
    return {**arrays, "batch_size": batch_size}
