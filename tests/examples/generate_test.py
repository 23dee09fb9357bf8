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


def test_a_judge_of_other_classes_names_none(example, tmp_path, eagerly):
    measures = example("generate_measures")
    inputs = keras.Input((2, 2, 2))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    model.set_weights([50 * np.eye(2), np.zeros(2)])
    model.save(tmp_path / "own.keras")
    labels = np.arange(40) % 2
    real = np.eye(2)[labels][:, None, None] * np.ones((40, 2, 2, 1))
    parts = [(real, labels)] * 3
    judge = measures.Judge(measures.OWN, tmp_path / "own.keras", parts)
    assert judge.description["name"] == "a CNN of 40 training images"
    assert judge.description["test_accuracy"] == 1
    asked = np.where(np.arange(40) < 10, 1 - labels, labels)
    found = judge.measure(real - 0.5, asked)
    assert found["right"] == 0.75 and found["images"] == 40
    assert found["frechet_distance"] == pytest.approx(
        2 * 0.5**2, abs=1e-3
    )  # Of 20 and of 40 the unbiased covariances differ.
    other = [(real, labels + 1), *parts[1:]]  # Three classes.
    judge = measures.Judge(str(tmp_path / "own.keras"), None, other)
    assert "right" not in judge.measure(real, asked)
    assert "test_accuracy" not in judge.description
    halves = example("generate_data").halves
    one, other = halves((np.arange(5), np.arange(5)))
    assert one[0].tolist() == [0, 1] and other[1].tolist() == [2, 3]


def test_controls_have_all_of_the_block_but_attention(example):
    blocks = example("generate_networks").blocks(8)
    assert list(blocks) == ["plain", "attention", "uniform", "1x1"]
    assert blocks.pop("plain") is None
    features = np.random.default_rng(0).normal(size=(1, 2, 2, 8))
    weights, counts = {}, set()
    for name, attention in blocks.items():
        layer = attention[8]
        _, seen = layer(features, return_attention_scores=True)
        weights[name] = keras.ops.convert_to_numpy(seen)[0, 0]
        counts.add(layer.count_params())
    assert len(counts) == 1
    np.testing.assert_allclose(weights["uniform"], np.full((4, 4), 1 / 4))
    np.testing.assert_array_equal(weights["1x1"], np.eye(4))
    assert weights["attention"].std() > 1e-3


def test_positions_are_where_it_is_bright(example):
    figures = example("generate_figures")
    picture = np.zeros((8, 8, 1))
    picture[2, 1] = picture[1, 7] = picture[7, 3] = picture[4, 4] = 1
    assert figures.positions(picture, (4, 4)) == [
        *((1, 0), (0, 3), (3, 1), (2, 2)),
        (0, 3),
    ]


def test_digits_fill_the_range_and_no_split_shares_them(example):
    parts = example("generate_data").read(
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
        "--images 96 --test 64 --width 2 --epochs 3 --seeds 1 --batch-size 16 "
        "--only plain attention"
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
