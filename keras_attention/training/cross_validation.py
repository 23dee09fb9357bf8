"""Every image predicted by a model that was trained without it."""

import dataclasses
import gc
import hashlib
import json
import pathlib
import time
import warnings
import zipfile

import keras
import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.files import write_text
from keras_attention.internals.files import written_whole
from keras_attention.internals.lock import locked
from keras_attention.internals.requirements import explained
from keras_attention.training.description import describe
from keras_attention.training.description import differences

_PROGRAM = "cross_validation.json"


@dataclasses.dataclass(frozen=True, eq=False)
class CrossValidation:
    """What `cross_validate` found, in the order of the data.

    Attributes:
        predictions: array `(count, ...)`, or of several outputs a list of
            these: what the model of the others predicts of each example.
        folds: int array `(count,)`, the fold in which it was left out.
        histories: list of one dict a fold, metric to its value in each epoch.
        seconds: list of one float a fold, of training.
    """

    predictions: object
    folds: np.ndarray
    histories: list
    seconds: list


def cross_validate(
    build,
    x,
    y,
    *,
    folder,
    epochs,
    labels=None,
    groups=None,
    folds=5,
    validation=None,
    seed=0,
    batch_size=32,
    callbacks=None,
    sample_weight=None,
    settings=None,
    verbose=0,
):
    """Trains once a fold, and predicts what was left out.

    With few images a test set holds too few of the rare class to tell two
    models apart; here all images are tested, each by a model that has not
    seen it, nor another image of its group. The predictions go into
    `evaluation.report`.

    Finished folds are kept in the folder: after a kill the same call trains
    only those that are missing, and gives what it would have given. A fold
    that was killed in the middle begins again.

    Args:
        build: callable, a function of the number of the fold that returns a
            compiled model; it is called with Keras' seed set to `seed + fold`.
        x: array, or list or dict of arrays, such as those of
            `cached_features`, one entry an example.
        y: array, or list or dict of arrays, what `fit` takes.
        folder: str or path, of this cross-validation alone.
        epochs: int, of each training.
        labels: int array `(count,)` whose classes are as frequent in each
            fold; `None` takes `y`. Defaults to `None`.
        groups: array `(count,)` or `None`, what stays together, such as its
            patient. Defaults to `None`.
        folds: int, at least 2. Defaults to `5`.
        validation: int or `None`: one of so many parts of the other folds is
            not trained on but validated, for callbacks such as
            `EarlyStopping`; what was left out never chooses. Defaults to
            `None`.
        seed: int, of folds, weights and orders. Defaults to `0`.
        batch_size: int. Defaults to `32`.
        callbacks: callable or `None`, a function of the number of the fold
            that returns a list of Keras callbacks. Defaults to `None`.
        sample_weight: array `(count,)`, a list or dict of these, or `None`, as
            in `fit`. Defaults to `None`.
        settings: dict or `None`, plain values of the program that must be the
            same when it goes on. Layers, optimizer, loss, callbacks, data and
            the arguments above are compared in any case. Defaults to `None`.
        verbose: int or str, as in `fit`. Defaults to `0`.

    Returns:
        A `CrossValidation`.

    Raises:
        ValueError: For arrays of different lengths, more folds than groups or
            images of a class, and a folder of another cross-validation.
        RuntimeError: Another process works in the folder.
        FloatingPointError: A prediction is not finite.

    Example:

    >>> import tempfile
    >>> x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    >>> y = (x[:, 0] > 0).astype("int64")
    >>> def build(fold):
    ...     model = keras.Sequential([keras.layers.Dense(2)])
    ...     loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ...     model.compile(keras.optimizers.Adam(0.1), loss)
    ...     return model
    >>> folder = tempfile.mkdtemp()
    >>> found = cross_validate(build, x, y, folder=folder, epochs=3, folds=4)
    >>> found.predictions.shape, np.bincount(found.folds)
    ((20, 2), array([5, 5, 5, 5]))

    Reference:
        Folds are those of scikit-learn's `StratifiedGroupKFold` and its
        relatives.

    Cost:
        `folds` trainings; on disk the predictions.
    """
    folder = pathlib.Path(folder)
    positive = {"epochs": epochs, "folds": folds, "batch_size": batch_size}
    for name, value in positive.items():
        arguments.positive_int(name, value)
    arguments.positive_int("validation", validation, optional=True)
    arguments.non_negative_int("seed", seed)
    labels = np.asarray(y if labels is None else labels)
    count = _count(labels, x, y, groups, sample_weight)
    parts = list(_divided(labels, groups, folds, seed))
    run = {
        "epochs": epochs,
        "batch_size": batch_size,
        "validation": validation,
        "seed": seed,
        "folds": folds,
    }
    data = f"{count} examples, {_digest(x, y, groups, labels, sample_weight)}"

    def made(fold):
        keras.utils.set_random_seed(seed + fold)
        return build(fold), list(callbacks(fold) if callbacks else ())

    def trained(fold):
        rest, left_out = parts[fold]
        model, given = made(fold)
        options = {}
        if validation is not None:
            held = _divided(
                labels[rest],
                None if groups is None else np.asarray(groups)[rest],
                validation,
                seed,
            )
            kept, validated = next(held)
            rest, validated = rest[kept], rest[validated]
            options["validation_data"] = _at(validated, x, y, sample_weight)
        a, b, *weights = _at(rest, x, y, sample_weight)
        start = time.perf_counter()
        history = model.fit(
            a,
            b,
            sample_weight=weights[0] if weights else None,
            epochs=epochs,
            batch_size=batch_size,
            callbacks=given,
            verbose=verbose,
            **options,
        ).history
        seconds = time.perf_counter() - start
        (held_out,) = _at(left_out, x)
        outputs = model.predict(held_out, batch_size=batch_size, verbose=0)
        outputs = [np.asarray(a) for a in keras.tree.flatten(outputs)]
        if not all(np.isfinite(array).all() for array in outputs):
            raise FloatingPointError(
                f"Fold {fold}: not all predictions are finite. The folds "
                f"before it are kept in {folder}."
            )
        history = {
            name: [float(value) for value in values]
            for name, values in history.items()
        }
        return outputs, {"history": history, "seconds": seconds}

    with locked(folder, "cross_validation", "keras_attention.training"):
        model, given = made(0)
        if not model.built:
            # Layers without a shape have nothing to describe yet.
            model(_at(np.arange(1), x)[0])
        run |= settings or {}
        _check_program(folder, describe(model, data, given, run))
        found = []
        for fold in range(folds):
            path = folder / f"fold_{fold}.npz"
            kept = _read(path)
            if kept is None:
                kept = trained(fold)
                _write(path, *kept)
                gc.collect()
            found.append(kept)
    return _joined(found, [left_out for _, left_out in parts], count)


def _joined(found, places, count):
    """Predictions of all folds in the order of the data."""
    folds = np.empty(count, int)
    outputs = [np.empty((count, *a.shape[1:]), a.dtype) for a in found[0][0]]
    for fold, (predicted, _) in enumerate(found):
        folds[places[fold]] = fold
        for output, values in zip(outputs, predicted, strict=True):
            output[places[fold]] = values
    return CrossValidation(
        outputs[0] if len(outputs) == 1 else outputs,
        folds,
        [record["history"] for _, record in found],
        [record["seconds"] for _, record in found],
    )


def _divided(labels, groups, folds, seed):
    """Pairs of positions: to train on, and to leave out."""
    with explained("keras_attention.training"):
        from sklearn import model_selection

    if folds < 2:
        raise ValueError(arguments.invalid("folds", folds, "at least 2"))
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "Invalid value for argument labels: expected an integer for each "
            "example, by which folds are stratified (zeros if by nothing). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    units = np.arange(len(labels)) if groups is None else np.asarray(groups)
    for label in np.unique(labels):
        there = len(np.unique(units[labels == label]))
        if there < folds:
            kind = "examples" if groups is None else "groups"
            expected = f"at most {there}, the number of {kind} of class {label}"
            raise ValueError(arguments.invalid("folds", folds, expected))
    kind = "StratifiedKFold" if groups is None else "StratifiedGroupKFold"
    splitter = getattr(model_selection, kind)(
        folds, shuffle=True, random_state=seed
    )
    return splitter.split(np.zeros(len(labels)), labels, groups)


def _at(positions, *structures):
    """The entries of all arrays, without the structures that are `None`."""
    return tuple(
        keras.tree.map_structure(lambda array: np.asarray(array[positions]), s)
        for s in structures
        if s is not None
    )


def _count(labels, *structures):
    lengths = {len(labels)}
    for structure in structures:
        if structure is not None:
            lengths |= {len(a) for a in keras.tree.flatten(structure)}
    if len(lengths) > 1:
        raise ValueError(
            "x, y, labels, groups and sample_weight need one entry an "
            f"example. Received: lengths {sorted(lengths)}"
        )
    return len(labels)


def _digest(*structures):
    digest = hashlib.sha256()
    for structure in structures:
        for array in keras.tree.flatten(structure):
            array = np.asarray(array)
            digest.update(f"{array.dtype}{array.shape}".encode())
            if array.dtype.kind in "OU":
                digest.update(repr(array.tolist()).encode())
            else:
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


def _check_program(folder, program):
    """The folder's description, which is written if there is none."""
    path = folder / _PROGRAM
    if not path.exists():
        write_text(path, json.dumps(program, indent=2))
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    changed = differences(before, program)
    if changed:
        lines = "\n  ".join(changed)
        raise ValueError(
            f"{folder} holds another cross-validation:\n  {lines}\nChoose "
            "another folder, or delete this one."
        )


def _write(path, outputs, record):
    arrays = {f"output_{i}": array for i, array in enumerate(outputs)}
    with written_whole(path) as new:
        np.savez(new, record=np.array(json.dumps(record)), **arrays)


def _read(path):
    """A finished fold, or `None`; a damaged file is set aside."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            record = json.loads(str(file["record"]))
            names = sorted(file.files, key=lambda name: (len(name), name))
            outputs = [file[n] for n in names if n.startswith("output_")]
        return outputs, {key: record[key] for key in ("history", "seconds")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        warnings.warn(
            f"{path} is damaged: renamed to {aside.name}, and its fold is "
            "trained again.",
            stacklevel=3,
        )
        return None
