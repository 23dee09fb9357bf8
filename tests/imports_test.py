"""Imports run one way along the walk, and stay light."""

import ast
import pathlib
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
    {"datasets"},
    {"metrics"},
    {"evaluation"},
    {"exporting"},
    {"visualization"},
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
}
HEAVY = {"tensorflow", "tensorflow_datasets", "matplotlib", "keras_tuner"}


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
import sys, keras
before = set(sys.modules)
import keras_attention
print(sorted({heavy} & (set(sys.modules) - before)))
sys.modules["tensorflow_datasets"] = None
from keras_attention import datasets, tuning
datasets.load("cluttered_digits")
"""


def test_import_is_light_and_all_but_tfds_data_works_without_tfds():
    backend = __import__("keras").backend.backend()
    heavy = HEAVY - ({"tensorflow"} if backend == "tensorflow" else set())
    result = subprocess.run(
        [sys.executable, "-c", LIGHT.replace("{heavy}", str(heavy))],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
    )
    assert result.stdout.strip() == "[]"
    *_, error = result.stderr.splitlines()
    assert error.startswith("ModuleNotFoundError")
    assert "tensorflow_datasets" in error and "in load" in result.stderr


def test_public_names_are_reachable():
    for name in dir(keras_attention):
        assert getattr(keras_attention, name) is not None or name == "__doc__"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_attention.nothing
