"""A search that nobody ran, for the tests of what is made of one."""

import atexit
import json
import pathlib
import shutil
import tempfile

import numpy as np

_MECHANISMS = {"none": 0.0, "se": 0.012, "cbam": 0.03, "mhsa": 0.022}
_PLACES = {"block3": 0.0, "block4": 0.018, "block5": 0.008}


def example_search(folder=None, trials=30, seed=0):
    """Writes the files of a KerasTuner search with invented scores.

    The score grows with the mechanism, the place and a learning rate near
    1e-3; dropout changes nothing, and three repeats differ by about 0.01.
    Every tenth trial has failed, as for want of memory.

    Returns its folder; without one it makes one that goes with Python.
    """
    if folder is None:
        folder = tempfile.mkdtemp(prefix="search_")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    names = [str(number) for number in range(trials)]
    for number, name in enumerate(names):
        state = _trial(name, _values(generator), generator)
        if number % 10 == 9:
            state |= {"status": "FAILED", "score": None, "best_step": 0}
            state["metrics"] = {"metrics": {}}
            state["message"] = (
                "Traceback (most recent call last):\n  File ...\n"
                "tensorflow.python.framework.errors_impl."
                "ResourceExhaustedError: out of memory, tensor of 3.1 GiB\n"
            )
        (folder / f"trial_{name}").mkdir(exist_ok=True)
        _write(folder / f"trial_{name}" / "trial.json", state)
    oracle = {"start_order": names, "end_order": names}
    oracle["hyperparameters"] = {"space": _space(), "values": {}}
    _write(folder / "oracle.json", oracle)
    return folder


def _values(generator):
    values = {
        "mechanism": str(generator.choice(list(_MECHANISMS))),
        "place": str(generator.choice(list(_PLACES))),
    }
    if values["mechanism"] in ("se", "cbam"):
        values["reduction_ratio"] = int(generator.choice([4, 8, 16]))
    values["learning_rate"] = float(10 ** generator.uniform(-4.5, -2))
    values["dropout"] = float(generator.uniform(0, 0.5))
    values["width"] = 64
    return values


def _trial(name, values, generator):
    rate = np.log10(values["learning_rate"])
    score = 0.86 + _MECHANISMS[values["mechanism"]] + _PLACES[values["place"]]
    score -= 0.02 * (rate + 3) ** 2
    score += generator.normal(0, 0.004)
    repeats = score + generator.normal(0, 0.004, 3)
    extra = {"none": 0, "se": 0.01, "cbam": 0.03, "mhsa": 0.4}
    share = extra[values["mechanism"]] * generator.uniform(0.7, 1.3)
    metrics = {
        "val_accuracy": repeats.mean(),
        "val_accuracy_spread": np.ptp(repeats),
        **{f"val_accuracy_seed{i}": v for i, v in enumerate(repeats)},
        "val_loss": -np.log(repeats.mean()),
        "parameters": round(14_721_000 * (1 + share / 4)),
        "flops": 1.26e9 * (1 + share),
        "seconds": 210 * (1 + share) + generator.uniform(0, 9),
        "attention_energy": 0.3 + 3 * (score - 0.86),
    }
    histories = {
        metric: {
            "direction": "max" if metric == "val_accuracy" else "min",
            "observations": [{"value": [float(value)], "step": 0}],
        }
        for metric, value in metrics.items()
    }
    return {
        "trial_id": name,
        "hyperparameters": {"space": _space(), "values": values},
        "metrics": {"metrics": histories},
        "score": float(metrics["val_accuracy"]),
        "best_step": 0,
        "status": "COMPLETED",
        "message": None,
    }


def _space():
    on = {"name": "mechanism", "values": ["se", "cbam"]}
    parent = {"class_name": "Parent", "config": on}
    return [
        _entry("Choice", "mechanism", values=list(_MECHANISMS), default="none"),
        _entry("Choice", "place", values=list(_PLACES), default="block3"),
        _entry(
            "Choice",
            "reduction_ratio",
            conditions=[parent],
            values=[4, 8, 16],
            ordered=True,
            default=4,
        ),
        _number("learning_rate", 10**-4.5, 1e-2, "log"),
        _number("dropout", 0.0, 0.5, "linear"),
        _entry("Fixed", "width", value=64),
    ]


def _number(name, low, high, sampling):
    return _entry(
        "Float",
        name,
        default=low,
        min_value=low,
        max_value=high,
        step=None,
        sampling=sampling,
    )


def _entry(kind, name, conditions=(), **config):
    if kind == "Choice":
        config.setdefault("ordered", False)
    config |= {"name": name, "conditions": list(conditions)}
    return {"class_name": kind, "config": config}


def _write(path, state):
    path.write_text(json.dumps(state))
