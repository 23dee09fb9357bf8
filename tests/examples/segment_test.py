"""Gates in a U-Net: what is trained, compared and written."""

import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_attention import AttentionExtractor

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def segment(monkeypatch, tmp_path, eagerly):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    import segment

    return segment


@pytest.mark.long
def test_writes_everything(segment, monkeypatch, tmp_path, capsys):
    small = {**segment.FAST, "train": 8, "test": 6, "seeds": 1}
    monkeypatch.setattr(segment, "FAST", {**small, "width": 1 / 64})
    arguments = ["segment.py", "--fast", "--output", "out"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert segment.main() == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "results.json",
        "gates.png",
    }
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    rows = {row["model"]: row for row in found["rows"]}
    assert list(rows) == ["threshold", "plain", "gates", "open"]
    assert all(0 <= row["dice"] <= 1 for row in rows.values())
    assert all(g["mean_weight"] < 1 for g in rows["gates"]["gates"].values())
    assert set(found["gains"]) == {"plain", "open"}
    assert "gates - open" in capsys.readouterr().out


def test_the_control_has_gates_that_are_open(segment):
    images = np.random.default_rng(0).random((1, 32, 32, 1)).astype("float32")
    model = segment.network("open", images, {"width": 1 / 64})
    _, maps = AttentionExtractor(model)(images)
    assert len(maps) == 3
    assert all((np.asarray(weights) == 1).all() for weights in maps.values())
    paths = [weight.path for weight in model.trainable_weights]
    assert not any("gate/score" in path for path in paths)


def test_a_threshold_is_chosen_where_it_is_trained(segment):
    dark = np.full((2, 4, 4, 1), 0.9, "float32")
    dark[:, :2, :2] = 0.2
    labels = (dark[..., 0] < 0.5).astype("uint8")
    rule, found = segment.threshold((dark, labels), (dark[:1], labels[:1]))
    assert rule.startswith("below") and (found == labels[:1]).all()


def test_borders_of_pets_are_unknown(segment):
    masks = np.array([[[[1], [2], [3]]]], "uint8")
    pixels = np.zeros((1, 1, 3, 3), "uint8")
    batch = {"image": pixels, "mask": keras.ops.convert_to_tensor(masks)}
    _, labels = segment.of_batches([batch])
    assert labels.tolist() == [[[1, 0, segment.UNKNOWN]]]
