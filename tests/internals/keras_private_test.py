"""Only `internals/keras_private.py` knows Keras' private names.

And nobody knows those of KerasTuner.
"""

import ast
import pathlib
import threading

import keras
import keras_tuner
import pytest

import keras_attention
from keras_attention.internals import keras_private

ROOT = pathlib.Path(keras_attention.__file__).parent
ALLOWED = ROOT / "internals" / "keras_private.py"
_ASKS = {"getattr", "setattr", "hasattr", "delattr"}


def private_names():
    """Of the objects of Keras and KerasTuner that the package meets."""
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(2)
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    things = [
        inputs,
        layer,
        model,
        keras.Sequential([layer]),
        layer.kernel,
        model.optimizer,
        keras.layers.Lambda(lambda x: x),
        keras.losses.MeanSquaredError(),
        keras.metrics.Mean(),
        keras.callbacks.Callback(),
        keras.random.SeedGenerator(0),
        keras_tuner.HyperParameters(),
        keras_tuner.engine.trial.Trial(keras_tuner.HyperParameters()),
        keras_tuner.HyperModel(),
        *(
            oracle(objective=keras_tuner.Objective("loss", "min"))
            for oracle in (
                keras_tuner.oracles.RandomSearchOracle,
                keras_tuner.oracles.GridSearchOracle,
                keras_tuner.oracles.HyperbandOracle,
                keras_tuner.oracles.BayesianOptimizationOracle,
            )
        ),
    ]
    names = {name for x in things for name in (*dir(x), *vars(x))}
    return {n for n in names if n.startswith("_") and not n.endswith("__")}


def touched(tree):
    """Attributes, by a dot or by a string, and methods that are replaced."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
            replaces = isinstance(node.ctx, ast.Store | ast.Del)
            of_other = not (
                isinstance(node.value, ast.Name) and node.value.id == "self"
            )
            if replaces and of_other and node.attr in ("call", "__class__"):
                yield node.lineno, "_replaced_method"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _ASKS
            and isinstance(node.args[1], ast.Constant)
        ):
            yield node.lineno, node.args[1].value


def violations(source, private):
    tree = ast.parse(source)
    found = [
        (line, name)
        for line, name in touched(tree)
        if name in private or name == "_replaced_method"
    ]
    imports = [
        (node.lineno, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
        if name.startswith(("keras.src", "keras_tuner.src"))
    ]
    return found + imports


def test_nobody_else_touches_a_private_name():
    private = private_names()
    assert {"_flatten_layers", "_inbound_nodes", "_keras_history"} <= private
    assert {"_retry_queue", "_set_project_dir", "_ordered_ids"} <= private
    found = {
        str(path.relative_to(ROOT)): violations(path.read_text(), private)
        for path in ROOT.rglob("*.py")
        if path != ALLOWED
    }
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "source",
    [
        "layer._inbound_nodes",
        "getattr(layer, '_remat_mode', None)",
        "layer.call = listen",
        "del layer.call",
        "oracle.__class__ = kind",
        "oracle._retry_queue.append(1)",
        "from keras.src import backend",
        "from keras_tuner.src import protos",
    ],
)
def test_the_scan_sees(source):
    assert violations(source, private_names())


def test_replacements_end_whatever_happens():
    layer = keras.layers.Dense(2)
    replacements = [
        (layer, "call", lambda x: x),
        (layer, "units", 7),
        (keras.layers.Dense, "a_new_name", 1),
    ]
    with (
        pytest.raises(RuntimeError),
        keras_private.replaced(lambda: replacements),
    ):
        assert layer.call(3) == 3 and layer.units == 7
        raise RuntimeError
    assert "call" not in vars(layer) and layer.units == 2
    assert not hasattr(keras.layers.Dense, "a_new_name")


def test_a_second_thread_waits():
    layer = keras.layers.Dense(2)
    order = []

    def second():
        with keras_private.replaced(lambda: [(layer, "units", 9)]):
            order.append(layer.units)

    thread = threading.Thread(target=second)
    with keras_private.replaced(lambda: [(layer, "units", 8)]):
        thread.start()
        thread.join(0.2)
        order.append(layer.units)
    thread.join()
    assert order == [8, 9] and layer.units == 2


def test_a_thread_wraps_what_is_there_when_it_is_its_turn():
    layer = keras.layers.Dense(2)
    own = layer.call
    wrapped = []

    def wrap():
        wrapped.append(layer.call)
        return [(layer, "call", lambda x: x)]

    def second():
        with keras_private.replaced(wrap):
            pass

    thread = threading.Thread(target=second)
    with keras_private.replaced(wrap):
        thread.start()
        thread.join(0.2)
    thread.join()
    assert wrapped == [own, own]
