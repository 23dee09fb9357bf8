"""Networks that draw digits: what is measured, written, killed and goes on."""

import importlib
import json
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def test_what_is_said_of_images_is_the_classifiers(example, tmp_path, eagerly):
    measures = example("generate_measures")
    inputs = keras.Input((2, 2, 2))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    model.set_weights([50 * np.eye(2), np.zeros(2)])
    model.save(tmp_path / "own.keras")
    labels = np.arange(40) % 2
    real = np.eye(2)[labels][:, None, None] * np.ones((40, 2, 2, 1))
    judge = measures.Judge.of(
        tmp_path / "not_made", [(real, labels)] * 3, str(tmp_path / "own.keras")
    )
    assert judge.description["name"].endswith("own.keras")
    assert judge.description["features"] == 2
    found = judge.measure(real, real, labels)
    assert found["right"] == 1 and found["images"] == 40
    assert found["inception_score"] == pytest.approx(2, abs=1e-3)
    assert found["frechet_distance"] == pytest.approx(0, abs=1e-6)
    asked = np.where(np.arange(40) < 10, 1 - labels, labels)
    shifted = judge.measure(real, real + 3, asked)
    assert shifted["right"] == 0.75
    assert shifted["frechet_distance"] == pytest.approx(2 * 3**2)
    assert "right" not in judge.measure(real, real)
    one, other = measures.halves((np.arange(5), np.arange(5)))
    assert one[0].tolist() == [0, 1] and other[1].tolist() == [2, 3]


def test_positions_are_where_it_is_bright(example):
    figures = example("generate_figures")
    picture = np.zeros((8, 8, 1))
    picture[2, 1] = picture[1, 7] = picture[7, 3] = picture[4, 4] = 1
    assert figures.positions(picture, (4, 4)) == [
        *((1, 0), (0, 3), (3, 1), (2, 2)),
        (0, 3),
    ]


def test_digits_fill_the_range_and_no_split_shares_them(example):
    generate = example("generate")
    parts = generate.read(
        {"data": "digits", "size": 24, "images": 30, "test": 8}
    )
    assert [len(images) for images, _ in parts] == [30, 4, 8]
    images, labels = parts[0]
    assert images.shape[1:] == (24, 24, 1) and images.dtype == "float32"
    assert images.min() == -1 and 0.8 < images.max() <= 1
    assert set(labels.tolist()) <= set(range(10))


@pytest.mark.long
def test_killed_it_ends_with_the_same(tmp_path):
    options = (
        "--images 96 --test 64 --width 2 --epochs 3 --seeds 1 --batch-size 16"
    )

    def command(folder):
        script = str(FOLDER / "generate.py")
        return [sys.executable, script, *options.split(), "--output", folder]

    def rows(folder):
        found = json.loads((folder / "results.json").read_text())["rows"]
        for row in found:
            assert row.pop("seconds") > 0 and row.pop("processor_seconds") > 0
        return found

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole), capture_output=True, check=True)
    process = subprocess.Popen(
        command(killed), stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if "epoch 2/3" in line:
            break
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    last = subprocess.run(
        command(killed), capture_output=True, check=True, text=True
    )
    assert "plain_seed0: goes on at epoch" in last.stdout
    assert [row["network"] for row in rows(whole)] == ["plain", "attention"]
    assert rows(killed) == rows(whole)
    files = {"results.json", "config.json", "samples.png", "attention.png"}
    assert files < {path.name for path in killed.iterdir()}
    other = [*command(killed), "--width", "4"]
    refused = subprocess.run(other, capture_output=True, text=True)
    assert refused.returncode == 2 and "other settings" in refused.stderr
