import json

import keras
import numpy as np
import pytest

from keras_attention.layers import AttentionPooling2D
from keras_attention.layers import SqueezeAndExcite2D
from keras_attention.metrics import Comparison
from keras_attention.metrics import area_share
from keras_attention.metrics import attention_energy
from keras_attention.metrics import compare

CLASSES = 3


@pytest.fixture(scope="module")
def test_set():
    generator = np.random.default_rng(0)
    masks = np.zeros((10, 12, 12, 1), "uint8")
    masks[:, 3:8, 4:10] = 1
    masks[4] = 0
    return {
        "image": generator.random((10, 12, 12, 2), "float32"),
        "label": generator.integers(CLASSES, size=10),
        "mask": masks,
    }


@pytest.fixture(scope="module")
def models():
    return {"plain": plain(), "attention": attentive()}


def plain():
    inputs = keras.Input((12, 12, 2))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def attentive():
    inputs = keras.Input((12, 12, 2))
    x = keras.layers.AveragePooling2D(2)(SqueezeAndExcite2D()(inputs))
    fine = AttentionPooling2D(num_heads=2, name="fine")(x)
    coarse = AttentionPooling2D(name="coarse")(
        keras.layers.AveragePooling2D(2)(x)
    )
    x = keras.layers.Concatenate()([fine, coarse])
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(x))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    return model


class Batches(keras.utils.PyDataset):
    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 3

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        return {key: array[part] for key, array in self.arrays.items()}


@pytest.mark.computing
def test_rows_hold_accuracy_size_and_attention(models, test_set):
    rows = compare(models, test_set, training_seconds={"plain": 4}).rows
    row, attention_row = rows
    assert [row["model"] for row in rows] == ["plain", "attention"]
    assert row["parameters"] == models["plain"].count_params()
    assert (row["training_seconds"], attention_row["training_seconds"]) == (
        4,
        None,
    )
    assert row["images"] == 10
    assert row["attention"] is None
    for name, row in zip(models, rows, strict=True):
        outputs = models[name].predict(test_set["image"], verbose=0)
        right = outputs.argmax(-1) == test_set["label"]
        assert row["accuracy"] == pytest.approx(right.mean())
        assert row["images_per_second"] > 0
        expected = area_share(test_set["mask"])
        assert row["object_share"] == pytest.approx(expected[expected > 0][0])


@pytest.mark.computing
def test_attention_is_that_of_the_layers_own_weights(models, test_set):
    model = models["attention"]
    row = compare({"attention": model}, test_set, batch_size=4).rows[0]
    assert list(row["attention"]) == ["fine", "coarse"]
    assert row["excluded"] == {"fine": 1, "coarse": 1}
    for name, energy in row["attention"].items():
        layer = model.get_layer(name)
        features = keras.Model(model.input, layer.input)
        _, weights = layer(
            features(test_set["image"]), return_attention_scores=True
        )
        weights = keras.ops.convert_to_numpy(weights)
        expected = np.nanmean(attention_energy(weights, test_set["mask"]))
        assert energy == pytest.approx(expected, rel=1e-5)


@pytest.mark.computing
@pytest.mark.parametrize("form", [Batches, lambda a: iter(list(Batches(a)))])
def test_every_form_of_test_set_gives_the_same(models, test_set, form):
    expected = compare(models, test_set, batch_size=10)
    received = compare(models, form(test_set))
    for row, other in zip(expected.rows, received.rows, strict=True):
        assert row["accuracy"] == other["accuracy"]
    attention = expected.rows[1]["attention"]
    assert received.rows[1]["attention"] == pytest.approx(attention, rel=1e-5)


def test_a_tensorflow_dataset_is_read(models, test_set):
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(test_set).batch(4)
    received = compare({"plain": models["plain"]}, dataset)
    expected = compare({"plain": models["plain"]}, test_set)
    assert received.rows[0]["accuracy"] == expected.rows[0]["accuracy"]


def test_without_masks_nothing_is_said_about_attention(models, test_set):
    arrays = {key: test_set[key] for key in ("image", "label")}
    comparison = compare(models, arrays)
    for row in comparison.rows:
        assert row["attention"] is row["object_share"] is None
    assert "object" not in str(comparison)


def test_the_table_is_aligned_and_complete(models, test_set):
    comparison = compare(models, test_set, training_seconds={"plain": 4.25})
    lines = str(comparison).splitlines()
    assert lines[0].startswith("model      parameters  seconds  images/s")
    assert lines[0].endswith("accuracy  attention on object  object's share")
    assert lines[2].split()[0] == "plain"
    assert lines[2].split()[-2] == "-"
    assert lines[3].split()[-3] == "fine"
    assert lines[4].split()[0] == "coarse"
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[5] == (
        "attention, fine: 1 of 10 images left out, without object or attention"
    )


def test_results_are_plain_json(models, test_set):
    arrays = {**test_set, "mask": np.zeros_like(test_set["mask"])}
    comparison = compare(
        models, arrays, training_seconds={"plain": np.float32(4)}
    )
    assert comparison.rows[1]["attention"] == {"fine": None, "coarse": None}
    results = json.loads(comparison.to_json())
    assert set(results) == {"rows", "environment"}
    assert results["rows"] == comparison.rows
    assert results["environment"]["backend"] == keras.config.backend()


def test_html_is_escaped():
    row = {
        "model": "<b>",
        "parameters": 1,
        "training_seconds": None,
        "images": 2,
        "accuracy": 0.5,
        "images_per_second": 10.0,
        "attention": {"<i>": 0.25},
        "excluded": {"<i>": 1},
        "object_share": 0.1,
    }
    html = Comparison([row], {})._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<i>" not in html


def two_outputs():
    inputs = keras.Input((12, 12, 2))
    x = keras.layers.Flatten()(inputs)
    outputs = [keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)]
    return keras.Model(inputs, outputs)


def with_head(layer):
    inputs = keras.Input((12, 12, 2))
    return keras.Model(inputs, layer(inputs))


def test_models_that_cannot_be_compared_are_named(models, test_set):
    bad = [
        {},
        [plain()],
        {"a": "b"},
        {"a": two_outputs()},
        {"a": with_head(keras.layers.Dense(3))},
        {"a": keras.Sequential([plain(), keras.layers.Dense(1)])},
    ]
    for given in bad:
        with pytest.raises(ValueError, match="argument models"):
            compare(given, test_set)
    with pytest.raises(ValueError, match=r"training_seconds.*'other'"):
        compare(models, test_set, training_seconds={"other": 1})


def test_test_sets_that_do_not_fit_are_named(models, test_set):
    labels = test_set["label"]
    bad = [
        {"image": test_set["image"]},
        [],
        [(test_set["image"], labels)],
        {**test_set, "label": keras.utils.to_categorical(labels, CLASSES)},
        {**test_set, "label": labels.astype("float32")},
        {**test_set, "label": labels + 1},
        {**test_set, "label": labels - 1},
        {**test_set, "label": labels[:5]},
    ]
    for given in bad:
        with pytest.raises(ValueError, match="argument test"):
            compare(models, given)
