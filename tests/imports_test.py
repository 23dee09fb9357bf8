"""Imports run one way along the walk, and stay light."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

import keras_attention

ROOT = pathlib.Path(keras_attention.__file__).parent
# Each room may import itself and what stands before it. The axes of attention
# share a rank and do not know each other.
ORDER = [
    {"version"},
    {"internals"},
    {"ops"},
    {"scores", "alignments", "aggregations"},
    {"losses"},
    {"layers"},
    {"features"},
    {"inspection"},
    {"surgery"},
    {"models"},
    {"tasks"},
    {"datasets"},
    {"metrics"},
    {"explanation"},
    {"evaluation"},
    {"training"},
    {"exporting"},
    {"visualization"},
    {"callbacks"},
    {"tuning"},
    {"testing"},
]
# The walk's own steps know nothing of how images become features, networks
# nothing of data; a loss knows tensors only.
FORBIDDEN = {
    "losses": {"scores", "alignments", "aggregations"},
    "features": {"layers", "losses"},
    "datasets": {"models", "surgery", "inspection", "features", "layers"},
    "metrics": {"datasets", "models", "layers"},
    "explanation": {"datasets"},
}
HEAVY = {"tensorflow", "tensorflow_datasets", "matplotlib", "keras_tuner"}
NEEDS = [
    ("visualization", "matplotlib", "matplotlib"),
    ("tuning", "keras_tuner", "keras-tuner"),
    ("datasets", "PIL", "pillow"),
]
# What a search in one process does without.
ASIDE = {
    *("grpc", "cloudpickle", "tensorflow_datasets", "dask", "distributed"),
    *("filelock", "grain"),
}


def imported_areas(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts == ["keras_attention"]:
                yield from (alias.name for alias in node.names)
            elif parts[0] == "keras_attention":
                yield parts[1]


def rank(area):
    return next(i for i, areas in enumerate(ORDER) if area in areas)


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        area = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if area != "__init__":
            yield path, area


def test_arrows_point_one_way():
    for path, area in modules():
        check_imports(path, area)


def test_every_room_has_a_rank():
    rooms = {area for _, area in modules()}
    assert rooms == set().union(*ORDER)


def check_imports(path, area):
    for other in imported_areas(path):
        if other == area:
            continue
        assert rank(other) < rank(area), f"{path} imports {other}"
        assert other not in FORBIDDEN.get(area, ()), f"{path}: {other}"


LIGHT = """
import os, random, sys, threading
import keras
import numpy as np

def state():
    return {
        "threads": threading.active_count(),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "policy": keras.config.dtype_policy().name,
        "layout": keras.config.image_data_format(),
        "environment": dict(os.environ),
        "TensorFlow's devices": (
            keras.backend.backend() == "tensorflow"
            and context.context()._initialized
        ),
    }

if keras.backend.backend() == "tensorflow":
    from tensorflow.python.eager import context
modules, found = set(sys.modules), state()
import keras_attention
print(sorted({heavy} & (set(sys.modules) - modules)))
print([name for name, value in state().items() if value != found[name]])
# Whatever a saved model may be made of can be loaded.
print([name for name in {registered} if name not in sys.modules])
# Nor has it used up a name: this is the first layer that Keras counts.
print(keras_attention.layers.get("gate").name)
for room, module in {missing}:
    sys.modules[module] = None
    try:
        getattr(keras_attention, room)
    except ImportError as error:
        print(error)
    del sys.modules[module]
# What KerasTuner imports is its own.
before = set(sys.modules)
import keras_tuner
modules |= set(sys.modules) - before
sys.modules["fcntl"] = None  # as on Windows
from keras_attention import tuning
new = {name.partition(".")[0] for name in set(sys.modules) - modules}
print(sorted({aside} & new), "keras_attention" in new)
sys.modules["tensorflow_datasets"] = None
from keras_attention import datasets
datasets.load("cluttered_digits")
"""


def registered():
    """Modules whose classes Keras finds by name in saved models."""
    for path in sorted(ROOT.rglob("*.py")):
        # The decorator alone, without the package's own use of the function.
        if re.search(r"^@(keras|registry)\..*register", path.read_text(), re.M):
            name = path.relative_to(ROOT.parent).with_suffix("").parts
            yield ".".join(name)


def test_import_leaves_no_trace_and_all_but_tfds_data_works_without_tfds():
    backend = __import__("keras").backend.backend()
    heavy = HEAVY - ({"tensorflow"} if backend == "tensorflow" else set())
    code = LIGHT.replace("{heavy}", str(heavy)).replace("{aside}", str(ASIDE))
    code = code.replace("{missing}", str([need[:2] for need in NEEDS]))
    code = code.replace("{registered}", str([*registered()]))
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
    )
    *lines, tuner = result.stdout.splitlines()
    assert lines[:4] == ["[]", "[]", "[]", "attention_gate2d"]
    assert lines[4:] == [
        f"keras_attention.{room} needs {package}, which is not installed. "
        f"Run: pip install {package}, or pip install keras-visual-attention"
        for room, _, package in NEEDS
    ]
    assert tuner == "[] True"
    *_, error = result.stderr.splitlines()
    assert error.startswith("ModuleNotFoundError: keras_attention.datasets")
    assert "tensorflow-datasets" in error and "in load" in result.stderr


def test_public_names_are_reachable():
    for name in dir(keras_attention):
        assert getattr(keras_attention, name) is not None or name == "__doc__"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_attention.nothing
