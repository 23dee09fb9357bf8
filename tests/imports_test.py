"""Imports run one way along the walk, and stay light."""

import ast
import pathlib
import subprocess
import sys

import pytest

import keras_attention

ROOT = pathlib.Path(keras_attention.__file__).parent
# Each folder may import itself and what stands before it.
ORDER = [
    {
        *("version", "arguments", "registry", "ops", "projection"),
        *("capture", "symbolic_inputs", "trace", "costs"),
    },
    {"features", "scores", "alignments", "aggregations", "losses"},
    {"layers"},
    {"models", "datasets", "metrics"},
    {"visualization", "exporting"},
    {"tuning"},
    {"testing"},
]
# The walk's own steps know nothing of how images become features; a loss
# knows tensors only.
FORBIDDEN = {
    "layers": {"features"},
    "losses": {"registry", "capture", "projection"},
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
            yield pytest.param(path, area, id=str(path.relative_to(ROOT)))


@pytest.mark.parametrize("path, area", modules())
def test_arrows_point_one_way(path, area):
    for other in imported_areas(path):
        if other == area:
            continue
        if rank(other) == rank(area) > 0:
            raise AssertionError(f"{path} imports its neighbour {other}")
        assert rank(other) <= rank(area), f"{path} imports {other}"
        assert other not in FORBIDDEN.get(area, ()), f"{path}: {other}"


@pytest.mark.parametrize("path, area", modules())
def test_no_private_keras(path, area):
    assert "keras.src" not in path.read_text()


def test_import_is_light():
    backend = __import__("keras").backend.backend()
    heavy = HEAVY - ({"tensorflow"} if backend == "tensorflow" else set())
    script = (
        "import sys, keras; before = set(sys.modules); import keras_attention;"
        f"print(sorted({heavy} & (set(sys.modules) - before)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
        check=True,
    )
    assert result.stdout.strip() == "[]"


def test_all_but_tfds_data_works_without_tfds():
    script = (
        "import sys; sys.modules['tensorflow_datasets'] = None;"
        "from keras_attention import datasets, tuning;"
        "datasets.load('cluttered_digits')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT.parent,
    )
    *_, error = result.stderr.splitlines()
    assert error.startswith("ModuleNotFoundError")
    assert "tensorflow_datasets" in error and "in load" in result.stderr


def test_public_names_are_reachable():
    for name in dir(keras_attention):
        assert getattr(keras_attention, name) is not None or name == "__doc__"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_attention.nothing
