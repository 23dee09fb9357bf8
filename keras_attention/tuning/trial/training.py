"""One trial: a network is trained and judged, and its repeats summed up."""

import itertools
import statistics
import time

import keras
import numpy as np

from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.costs import count_costs
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.metrics.localisation import attention_energy
from keras_attention.tuning.trial.budget import COSTS
from keras_attention.tuning.trial.data import check_end
from keras_attention.tuning.trial.data import has_own_order
from keras_attention.tuning.trial.data import rewind
from keras_attention.tuning.trial.data import steps_of
from keras_attention.tuning.trial.schedule import install
from keras_attention.tuning.trial.schedule import is_scheduled
from keras_attention.tuning.trial.supervised import as_arguments


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
    fitted = as_arguments(run.train, batch_size)
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
        **as_arguments(run.validation, batch_size),
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


def mean_attention_energy(model, data, batch_size=32, steps=None):
    """The share of the attention that falls on the object, from 0 to 1.

    `attention_energy`, averaged over the spatial attention layers and then
    over the images whose object is known; `None` without any of these. Data
    are batches that are dictionaries of `"image"`, `"mask"` and optionally
    `"has_mask"`, of which `steps` count, or one such dictionary of arrays.
    `keras_attention.compare` has a row a layer.
    """
    answer = WholeBatches(AttentionExtractor(model))
    energies = []
    for batch in itertools.islice(_batches(data, batch_size), steps):
        images = keras.tree.map_structure(np.asarray, batch["image"])
        masks = np.asarray(batch["mask"])
        _, weights = answer(images)
        spatial = [
            attention_energy(weights[layer], masks)
            for layer, kind in weights_kinds(model, weights).items()
            if kind == "spatial"
        ]
        if not spatial:
            return None
        # NaN where there is no object, in every layer.
        energy = np.mean(spatial, axis=0)
        if "has_mask" in batch:
            energy = energy[np.asarray(batch["has_mask"], bool)]
        energies.append(energy[~np.isnan(energy)])
    energies = np.concatenate(energies)
    return float(energies.mean()) if energies.size else None


def _batches(data, batch_size):
    if not isinstance(data, dict):
        yield from data
        return
    for start in range(0, len(data["mask"]), batch_size):
        part = slice(start, start + batch_size)
        yield keras.tree.map_structure(lambda values, p=part: values[p], data)
