"""Fine-tuning pretrained networks: what goes on from where, what is told."""

import json
import pathlib
import sys

import keras
import numpy as np
import PIL.Image
import pytest

from keras_attention.features import batch_normalized
from keras_attention.losses import FocalLoss

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def finetune(monkeypatch, tmp_path, eagerly):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    import finetune

    return finetune


def run(finetune, monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["finetune.py", *arguments.split()])
    return finetune.main()


@pytest.mark.long
def test_writes_everything_and_trains_nothing_twice(
    finetune, monkeypatch, tmp_path
):
    assert run(finetune, monkeypatch, "--fast --output out") == 0
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir() if path.is_file()}
    tables = {"melanoma.json", "lite0.json", "groceries.json"}
    assert names == {*tables, "config.json", "melanoma.png", "lite0.png"}
    first = {name: json.loads((out / name).read_text()) for name in tables}
    for name in ("melanoma.json", "lite0.json"):
        for row in first[name]["rows"]:
            assert bool(row["maps"]) == row["model"].lower().startswith("att")
    assert len(first["melanoma.json"]["pairs"]) == 3
    rows = first["groceries.json"]["rows"]
    assert [row["model"] for row in rows] == ["before", "longer", "cbam"]
    # What is attached changes nothing before the first step.
    assert [row["difference_at_0"] for row in rows] == [None, 0, 0]

    def trained(self, *args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(keras.Model, "train_on_batch", trained)
    monkeypatch.setattr(keras.Model, "fit", trained)
    assert run(finetune, monkeypatch, "--fast --output out") == 0
    again = {name: json.loads((out / name).read_text()) for name in tables}
    for found in (first, again):
        for table in found.values():
            table.pop("seconds_of_maps")
            for row in table["rows"]:
                row.pop("training_seconds", None)
    assert first == again


def test_blocks_go_on_where_the_frozen_head_was(finetune):
    lesions = finetune.finetune_lesions
    images = np.random.default_rng(0).random((8, 32, 32, 3), "float32")
    network = batch_normalized(lesions.edges_vgg16(32, True), images)
    outputs = [network.get_layer(name).output for name in lesions.BLOCKS]
    maps = keras.Model(network.input, outputs).predict(images, verbose=0)
    taken = [keras.Input(array.shape[1:]) for array in maps[1:]]
    pool = keras.layers.GlobalAveragePooling2D()
    x = keras.layers.Concatenate()([pool(x) for x in taken])
    head = keras.Model(taken, keras.layers.Dense(2)(x))
    expected = head.predict(
        [lesions.standardised(array) for array in maps[1:]], verbose=0
    )
    maps = dict(zip(lesions.BLOCKS, maps, strict=True))

    model = lesions.through_blocks(network, maps, head, lesions.BLOCKS[1:])
    settings = {**finetune.SETTINGS, "tuned_rate": 0.1}
    lesions.compiled_to_tune(model, 8, settings, {"loss": FocalLoss()})
    found = model.predict(maps["block3_pool"], verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)

    before = {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}
    original = [w.copy() for w in network.get_weights()]
    model.fit(maps["block3_pool"], np.arange(8) % 2, 4, 2, verbose=0)
    for weight in model.weights:
        moved = np.any(before[weight.path] != np.asarray(weight))
        norm = "_bn" in weight.path
        assert moved != norm, weight.path
    for weight, array in zip(network.get_weights(), original, strict=True):
        np.testing.assert_array_equal(weight, array)


def test_gains_are_of_attention_over_going_on_without(finetune):
    groceries = finetune.finetune_groceries
    labels = np.arange(40) % 2
    right = np.eye(2)[labels]
    wrong = right[:, ::-1]
    some = np.where(np.arange(40)[:, None] < 10, wrong, right)
    answers = [
        {"before": wrong, "longer": some, "cbam": right},
        {"before": wrong, "longer": some, "cbam": some},
    ]
    found = groceries.gains(answers, labels)
    assert {*found} == {*groceries.ATTACHED}
    assert found["cbam"]["mean"] == pytest.approx(0.25 / 2)
    low, high = found["cbam"]["interval"]
    assert 0 < low < 0.25 / 2 < high < 0.25


def test_a_folder_without_the_photographs_is_told(
    finetune, monkeypatch, capsys
):
    assert run(finetune, monkeypatch, "--data nowhere") == 2
    assert "isic_uda1_224.npz" in capsys.readouterr().err


def test_dermoscopic_features_are_one_mask_of_the_centre_square(
    finetune, tmp_path
):
    left, right = np.zeros((2, 4, 8), "uint8")
    left[1, 2], right[2, 5], right[0, 0] = 255, 255, 255  # the last is cut off
    for feature, mask in (("globules", left), ("streaks", right)):
        path = tmp_path / f"ISIC_0000001_attribute_{feature}.png"
        PIL.Image.fromarray(mask).save(path)
    read = finetune.finetune_lesions.dermoscopic_masks
    masks = read(tmp_path, ("ISIC_0000000", "ISIC_0000001"), 4)
    assert masks.shape == (2, 4, 4, 1)
    assert not masks[0].any()
    assert np.argwhere(masks[1, ..., 0]).tolist() == [[1, 0], [2, 3]]
    with pytest.raises(FileNotFoundError, match="No mask of ISIC_0000000"):
        read(tmp_path, ("ISIC_0000000",), 4)
