"""The search on cached maps, whole and small."""

import json
import pathlib
import sys

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def search(monkeypatch, tmp_path, eagerly):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    import place_search

    return place_search


@pytest.mark.long
def test_writes_everything(search, monkeypatch, tmp_path):
    argv = ["place_search.py", "--fast", "--output", "o"]
    monkeypatch.setattr(sys, "argv", argv)
    assert search.main() == 0
    names = {path.name for path in (tmp_path / "o").iterdir() if path.is_file()}
    assert names == {
        "config.json", "leaderboard.csv", "place_search.png", "results.json"
    }  # fmt: skip
    rows = json.loads((tmp_path / "o/results.json").read_text())["networks"]
    assert [row["network"] for row in rows] == [
        "winner", "uniform", "1x1, uniform"
    ]  # fmt: skip
    # Only how they are trained was drawn for the two beside the winner.
    for row in rows[1:]:
        assert {"none"} == {
            value
            for name, value in row["values"].items()
            if name.endswith("_attention")
        }


def test_the_head_sees_all_maps_and_its_control_convolves(search):
    rng = np.random.default_rng(0)
    shapes = {"block10_add": (5, 5, 4), "head_relu": (3, 3, 6)}
    maps = {name: rng.random((8, *s), "float32") for name, s in shapes.items()}
    for convolved in (False, True):
        model = search.head(maps, 3, convolved)
        kinds = [type(layer).__name__ for layer in model.layers]
        assert kinds.count("Conv2D") == 2 * convolved
        assert {"block10", "head"} <= {layer.name for layer in model.layers}
        before = model.predict(maps, verbose=0)
        assert before.shape == (8, 3)
        for name in maps:
            changed = {**maps, name: maps[name][::-1]}
            assert np.abs(model.predict(changed, verbose=0) - before).max() > 0
