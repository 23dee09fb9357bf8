"""The canvases, the trainings that go on, and the figure of what is known."""

import json
import pathlib
import sys

import keras
import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(monkeypatch, eagerly):
    monkeypatch.syspath_prepend(str(FOLDER))
    import glimpses

    def small(canvas, *width):
        pool = keras.layers.GlobalAveragePooling2D()
        inputs = keras.Input((canvas, canvas, 1))
        return keras.Model(inputs, keras.layers.Dense(10)(pool(inputs)))

    monkeypatch.setattr(glimpses, "NETWORKS", {"dense": small})
    monkeypatch.setattr(glimpses, "STAGES", {64: (8, 1), 128: (8, 1)})
    monkeypatch.setattr(glimpses, "TESTED", 8)
    return glimpses


def test_every_network_goes_on_from_canvas_to_canvas(
    script, monkeypatch, tmp_path
):
    argv = ["glimpses.py", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", argv)
    arguments = script.parse_arguments()
    found = {}
    assert len(list(script.accuracy(arguments, found))) == 1
    assert [row["canvas"] for row in found["rows"]] == [64, 128]
    assert all(0 <= row["accuracy"] <= 1 for row in found["rows"])
    # What is there is not trained again.
    assert not list(script.accuracy(arguments, found))

    # The weights are handed on: an untrained network would be another one.
    built = []
    monkeypatch.setitem(
        script.NETWORKS,
        "dense",
        lambda canvas, make=script.NETWORKS["dense"]: (
            built.append(make(canvas)) or built[-1]
        ),
    )

    def data(canvas, seed):
        empty = script.Canvases(canvas, "train", 8, seed)
        empty.images[:] = 0
        return empty, empty

    list(script.train("dense", 0, data, {64: (8, 1), 128: (8, 1)}))
    kernels = [model.layers[-1].get_weights()[0] for model in built]
    np.testing.assert_allclose(*kernels, rtol=1e-3)


def test_canvases_are_shuffled_and_as_dense_as_each_other(script):
    canvases = script.Canvases(64, "train", 33, 0)
    first, second = canvases[0], canvases[1]
    assert first[0].shape == (32, 64, 64, 1) and len(second[1]) == 1
    assert 0.99 < first[0].max() <= 1
    order = canvases.order.copy()
    canvases.on_epoch_end()
    assert (np.sort(order) == np.arange(33)).all()
    assert (canvases.order != order).any()


def test_the_figure_needs_no_times(script, monkeypatch, tmp_path):
    rows = [{"model": "dense", "gflops": 1.0, "accuracy": 0.5}]
    costs = {"model": "dense", "canvas": 256}
    costs |= {"training_mb": 300.0, "before_mb": 100.0}
    first, second = script.draw({"rows": rows, "costs": [costs]}).axes
    assert first.lines[0].get_xydata().tolist() == [[1.0, 50.0]]
    assert second.lines[0].get_xydata().tolist() == [[256.0, 200.0]]
    timing = {"what": "training", "width": 0.125, "model": "dense"}
    timing |= {"canvas": 256, "ratio": 1.0}
    found = {"rows": rows, "costs": [costs], "timing": [timing]}
    assert len(script.draw(found).axes) == 3

    (tmp_path / "results.json").write_text(json.dumps(found))
    argv = ["glimpses.py", "--figure", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 0 and (tmp_path / "glimpses.png").exists()
