"""The canvases, trainings that go on, and the figure of what is known."""

import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_attention.tasks.glimpses import AttentionSampling

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(monkeypatch, eagerly):
    monkeypatch.syspath_prepend(str(FOLDER))
    import glimpses

    def network(inputs):
        x = keras.layers.Conv2D(3, 3, name="conv")(inputs)
        return keras.layers.GlobalMaxPooling2D()(x)

    def dense(canvas, *width):
        inputs = keras.Input((canvas, canvas, 1))
        return keras.Model(inputs, keras.layers.Dense(10)(network(inputs)))

    def sampling(canvas, *width, **options):
        patch = keras.Input((8, 8, 1))
        model = AttentionSampling(
            (canvas, canvas, 1),
            10,
            feature_network=keras.Model(patch, network(patch)),
            num_patches=1,
            patch_size=8,
            unit_features=False,
            classifier_activation=None,
            **options,
        )
        for name in glimpses.FROZEN:
            model.get_layer(name).trainable = False
        return model

    replaced = {
        "NETWORKS": {"dense": dense, "sampling": sampling},
        "CONTROLS": {
            "centre": lambda canvas: sampling(
                canvas, attention_network="centre"
            )
        },
        "ALL_PIXELS": {64: (8, 1, 0.1)},
        "SEARCH": {128: (8, 1, 0.1), 256: (4, 1, 0.1)},
        "TESTED": 8,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(glimpses, name, value)
    return glimpses


def test_every_network_goes_on_from_canvas_to_canvas(
    script, monkeypatch, tmp_path
):
    argv = ["glimpses.py", "--output", str(tmp_path)]
    argv += ["--networks", "dense", "sampling"]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 0
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [(row["model"], row["canvas"]) for row in rows] == [
        ("dense", 64),
        *(
            (name, size)
            for size in (128, 256)
            for name in ("sampling", "centre")
        ),
    ]
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    seconds = [row["cpu_seconds"] for row in rows[::2]]
    assert seconds == sorted(seconds) and 0 < seconds[0] < seconds[-1]

    # What looks is what the dense network has learned; where is learned.
    made = []
    for name, canvas in (("dense", 64), ("sampling", 128), ("sampling", 256)):
        made.append(script.NETWORKS[name](canvas))
        file = script.weights_name(name, canvas, 0)
        made[-1].load_weights(tmp_path / "weights" / file)
    learned = made[0].get_weights()
    for model in made[1:]:
        for name, weights in (
            ("patch_features", learned[:-2]),
            ("predictions", learned[-2:]),
        ):
            handed = model.get_layer(name).get_weights()
            for a, b in zip(handed, weights, strict=True):
                np.testing.assert_array_equal(a, b)
    first, second = (
        model.get_layer("attention_scores").get_weights() for model in made[1:]
    )
    assert (first[0] != second[0]).any()
    # What is there is not trained again.
    found = {"rows": rows}
    assert not list(script.accuracy(script.parse_arguments(), found))


def test_canvases_are_shuffled_and_as_dense_as_each_other(script):
    canvases = script.Canvases(64, "train", 33, 0)
    first, second = canvases[0], canvases[1]
    assert first[0].shape == (32, 64, 64, 1) and len(second[1]) == 1
    assert 0.99 < first[0].max() <= 1
    order = canvases.order.copy()
    canvases.on_epoch_end()
    assert (np.sort(order) == np.arange(33)).all()
    assert (canvases.order != order).any()


def test_the_figure_has_panels_for_what_was_measured(
    script, monkeypatch, tmp_path
):
    row = {"model": "dense", "gflops": 1.0}
    rows = [
        row | {"canvas": 128, "seed": 0, "accuracy": 0.5, "cpu_seconds": 9.0},
        row | {"canvas": 64, "seed": 0, "accuracy": 0.6, "cpu_seconds": 4.0},
        row | {"canvas": 64, "seed": 1, "accuracy": 0.7},  # not measured
    ]
    costs = {"model": "dense", "canvas": 256}
    costs |= {"training_mb": 300.0, "before_mb": 100.0}
    found = {"rows": rows, "costs": [costs]}
    draw = script.glimpses_figure.draw
    panels = draw(found, ["dense"]).axes
    lines = [[x.get_xydata().tolist() for x in axes.lines] for axes in panels]
    assert lines == [
        [[[4.0, 0.6], [9.0, 0.5]]],
        [[[1.0, 0.6], [1.0, 0.5]], [[1.0, 0.7]]],
        [[[256.0, 200.0]]],
    ]
    timing = {"what": "training", "width": 0.125, "model": "dense"}
    found["timing"] = [timing | {"canvas": 256, "ratio": 1.0}]
    assert len(draw(found, ["dense"]).axes) == 4

    (tmp_path / "results.json").write_text(json.dumps(found))
    argv = ["glimpses.py", "--figure", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 0 and (tmp_path / "glimpses.png").exists()


def test_on_larger_canvases_only_the_search_is_trained(script):
    large, first = (script.sampling(size, 1 / 64) for size in (256, 128))
    paths = {weight.path for weight in large.trainable_weights}
    assert paths and all(path.startswith("places_") for path in paths)
    trained = [layer.name for layer in first.layers if layer.trainable_weights]
    assert set(script.FROZEN) < set(trained)
    patches = [
        m.get_layer("patch_sampling").num_patches for m in (large, first)
    ]
    assert patches == [4, 2]
