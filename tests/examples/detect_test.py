"""Detectors: trainings of several folders in one table, and intervals."""

import json
import pathlib

import numpy as np
import pytest

from keras_attention.tasks import detection

FOLDER = pathlib.Path(__file__).parents[2] / "examples"
BOX = [0.0, 0.0, 0.5, 0.5]


@pytest.fixture
def detect(monkeypatch):
    pytest.importorskip("faster_coco_eval")
    monkeypatch.syspath_prepend(str(FOLDER))
    import detect

    return detect


def finds(folder, name, seed, labels):
    """One box an image, of these classes."""
    labels = np.array(labels)[:, None]
    found = {
        "boxes": np.tile(np.float32(BOX), (len(labels), 1, 1)),
        "labels": labels,
        "scores": np.where(labels < 0, -1.0, 0.9),
    }
    np.savez(folder / f"{name}.{seed}.npz", **found)


def test_intervals_before_others(detect, tmp_path):
    objects = detection.pad_objects([[BOX]] * 4, [[0]] * 4)
    # Of four objects plain finds 2, and 1 at its start; mhsa 4, and 2.
    finds(tmp_path, "plain", 0, [0, 0, -1, -1])
    finds(tmp_path, "plain_start", 0, [0, -1, -1, -1])
    finds(tmp_path, "mhsa", 0, [0, 0, 0, 0])
    finds(tmp_path, "mhsa_start", 0, [0, 0, -1, -1])
    rows = [
        {"detector": name, "seed": 0, "start": {}} for name in ("plain", "mhsa")
    ]
    found = detect.intervals(rows, objects, tmp_path)
    assert "gain" not in found["plain"]
    assert found["plain"]["over_start"] == pytest.approx(25 / 101)
    assert found["mhsa"]["over_start"] == pytest.approx(50 / 101)
    assert found["plain"]["start"] == (0.0, pytest.approx(76 / 101))
    assert found["mhsa"]["gain"] == pytest.approx(50 / 101)
    low, high = found["mhsa"]["gain_interval"]
    assert 0 <= low < 50 / 101 < high <= 1


def test_trainings_of_several_folders(detect, tmp_path):
    import detect_gather

    folders = [tmp_path / name for name in ("one", "two")]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        finds(folder, "plain", seed, [0])
        rows = [{"detector": "plain", "seed": seed}]
        text = json.dumps({"rows": rows, "intervals": {}})
        (folder / "results.json").write_text(text)
        (folder / "config.json").write_text('{"arguments": {"epochs": 3}}')
    rows, config = detect_gather.gather(folders, tmp_path / "both")
    assert [row["seed"] for row in rows] == [0, 1]
    assert config == json.loads((tmp_path / "both/config.json").read_text())
    assert {path.name for path in (tmp_path / "both").glob("*.npz")} == {
        "plain.0.npz",
        "plain.1.npz",
    }
    with pytest.raises(ValueError, match="A training is there twice"):
        detect_gather.gather([folders[0]] * 2, tmp_path / "both")
    (folders[1] / "config.json").write_text('{"arguments": {"epochs": 4}}')
    with pytest.raises(ValueError, match="different settings"):
        detect_gather.gather(folders, tmp_path / "both")


def test_a_course_of_two_parts(detect):
    start = {"loss": [3.0] * 4, "validation": [0.1, 0.2]}
    row = {"loss": [2.0] * 6, "validation": [0.3, 0.4], "start": start}
    losses, seen, values = detect.detect_figure._course(row)
    assert losses == [3.0] * 4 + [2.0] * 6
    assert seen == [2, 4, 7, 10] and values == [0.1, 0.2, 0.3, 0.4]
