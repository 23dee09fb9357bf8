"""The folders of a search: which may import which, and that each has tests."""

import ast
import pathlib

import pytest

from keras_attention import tuning

ROOT = pathlib.Path(tuning.__file__).parent
MODULES = sorted(p for p in ROOT.rglob("*.py") if p.name != "__init__.py")
# What each may import beside itself.
ALLOWED = {
    "space": set(),
    "trial": {"space"},
    "engine": {"trial"},
    "result": {"trial", "engine"},  # to retrain
    "search": {"trial", "engine", "result"},
}


def area_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def areas_imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            if parts[:2] == ["keras_attention", "tuning"]:
                yield parts[2] if len(parts) > 2 else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_run_one_way(path):
    area = area_of(path)
    assert set(areas_imported(path)) <= {area, *ALLOWED[area]}


def test_every_module_is_named_where_its_folder_is_told():
    for path in MODULES:
        if path.parent == ROOT:
            continue
        told = ast.get_docstring(
            ast.parse((path.parent / "__init__.py").read_text())
        )
        assert f"`{path.stem}`" in told or path.stem.endswith("_plot"), path
