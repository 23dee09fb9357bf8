import json

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention.evaluation import Comparison
from keras_attention.evaluation import compare
from keras_attention.layers import AttentionPooling2D
from keras_attention.layers import SqueezeAndExcite2D
from keras_attention.metrics import area_share
from keras_attention.metrics import attention_energy
from keras_attention.metrics import average_precision
from keras_attention.metrics import centre_energy
from keras_attention.metrics import expected_calibration_error
from keras_attention.metrics import roc_auc

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


def plain(classes=CLASSES, activation=None):
    inputs = keras.Input((12, 12, 2))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(classes, activation=activation)
    return keras.Model(inputs, head(x))


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


@not_on_jax
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
        assert row["centre_energy"] is None
    assert "object" not in str(comparison)


@pytest.mark.computing
@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize("classes", [2, 3])
def test_rows_say_how_the_answers_rank_and_how_sure_they_are(
    test_set, classes, activation
):
    model = plain(classes, activation)
    model.set_weights([9 * weight for weight in model.get_weights()])
    labels = np.arange(10) % classes
    row = compare({"a": model}, {**test_set, "label": labels}).rows[0]
    p = model.predict(test_set["image"], verbose=0)
    if activation is None:
        p = keras.ops.convert_to_numpy(keras.ops.softmax(p))
    scores = p[:, 1] if classes == 2 else p
    assert row["auc"] == pytest.approx(roc_auc(labels, scores))
    expected = average_precision(labels, scores)
    assert row["average_precision"] == pytest.approx(expected)
    expected = expected_calibration_error(labels, p)
    assert row["ece"] == pytest.approx(expected, rel=1e-4)


def test_what_is_undefined_is_none_and_still_printed(test_set):
    endless = plain()
    endless.layers[-1].bias.assign([np.inf] * CLASSES)
    rows = compare({"a": endless}, test_set).rows
    assert rows[0]["auc"] is rows[0]["ece"] is None
    assert rows[0]["average_precision"] is None
    one_class = {**test_set, "label": np.ones(10, int)}
    with pytest.warns(UserWarning, match="no positive images"):
        comparison = compare({"a": plain()}, one_class)
    assert comparison.rows[0]["auc"] is None
    assert "AUC" not in str(comparison)
    assert "ECE" in str(comparison)


def test_a_training_that_failed_is_refused(test_set):
    broken = plain()
    kernel = broken.layers[-1].kernel
    values = np.array(keras.ops.convert_to_numpy(kernel.value))
    values[1, 0] = np.nan
    kernel.assign(values)
    with pytest.raises(ValueError, match=f"NaN in {kernel.path} of model 'b'"):
        compare({"a": plain(), "b": broken}, test_set)
    # Weights that are numbers, and answers that are none.
    endless = plain(activation="softmax")
    endless.layers[-1].bias.assign([np.inf] * CLASSES)
    with pytest.raises(ValueError, match="NaN from model 'b' for 10 images"):
        compare({"a": plain(), "b": endless}, test_set)


@pytest.mark.filterwarnings("ignore:There are no positive images")
def test_images_without_a_known_mask_count_among_the_answers_only(
    models, test_set
):
    known = np.arange(10) % 2 == 0  # image 4 has an empty mask
    masks = test_set["mask"].copy()
    masks[~known] = 1
    some = {**test_set, "mask": masks, "has_mask": known}
    row = compare({"attention": models["attention"]}, some).rows[0]
    alone = {key: array[known] for key, array in test_set.items()}
    expected = compare({"attention": models["attention"]}, alone).rows[0]
    assert row["images"] == 10
    assert row["excluded"] == {"fine": 6, "coarse": 6}
    assert row["attention"] == pytest.approx(expected["attention"], rel=1e-5)
    for key in ("centre_energy", "object_share"):
        assert row[key] == pytest.approx(expected[key])
    streamed = compare(models, Batches(some)).rows[1]
    assert streamed["attention"] == pytest.approx(row["attention"], rel=1e-5)
    none = compare(models, {**some, "has_mask": np.zeros(10, bool)})
    assert none.rows[1]["attention"] == {"fine": None, "coarse": None}
    assert none.rows[1]["centre_energy"] is None


def test_the_centre_is_measured_on_the_same_masks(models, test_set):
    row = compare(models, test_set, batch_size=3).rows[0]
    expected = np.nanmean(centre_energy(test_set["mask"]))
    assert row["centre_energy"] == pytest.approx(expected)


def test_the_tables_are_aligned_and_complete(models, test_set):
    comparison = compare(models, test_set, training_seconds={"plain": 4.25})
    lines = str(comparison).splitlines()
    assert lines[0].split()[4:] == ["accuracy", "AUC", "AP", "ECE"]
    assert lines[0].startswith("model      parameters  seconds  images/s")
    assert [line.split()[0] for line in lines[2:4]] == ["plain", "attention"]
    assert lines[3].split()[2] == "-"
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[4] == ""
    assert lines[5].split() == ["attention", "on", "the", "object", "share"]
    assert [line.rpartition(" ")[0].strip() for line in lines[7:11]] == [
        "attention, fine",
        "attention, coarse",
        "(a map fixed at the centre)",
        "(a uniform map)",
    ]
    assert len({len(line) for line in lines[5:11]}) == 1
    assert lines[11:] == [
        f"attention, {layer}: 1 of 10 images left out, without known object "
        "or attention"
        for layer in ("fine", "coarse")
    ]
    assert max(map(len, lines)) <= 80


def test_rows_of_older_results_are_still_shown(models, test_set):
    comparison = compare(models, test_set)
    for row in comparison.rows:
        for key in ("auc", "average_precision", "ece", "centre_energy"):
            del row[key]
    text = str(comparison)
    assert "accuracy" in text and "(a uniform map)" in text
    assert "AUC" not in text and "centre" not in text


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
        {**test_set, "has_mask": np.ones(5, bool)},
        {**test_set, "has_mask": np.ones(10)},
        {"image": test_set["image"], "label": labels, "has_mask": labels > 0},
    ]
    for given in bad:
        with pytest.raises(ValueError, match="argument test"):
            compare(models, given)


@keras.saving.register_keras_serializable("tests")
class Sizes(keras.layers.Layer):
    """Notes how many images it is called with, once for every compilation."""

    def call(self, x):
        self.seen = [*getattr(self, "seen", []), x.shape[0]]
        return x


@pytest.mark.computing
def test_a_model_is_compiled_for_one_size_of_batch(test_set):
    # The last two of ten images are filled up, and their answers kept.
    inputs = keras.Input((12, 12, 2))
    sizes = Sizes()
    x = AttentionPooling2D()(sizes(inputs))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES)(x))
    sizes.seen = []
    row = compare({"model": model}, test_set, batch_size=4).rows[0]
    assert set(sizes.seen) == {4}
    whole = compare({"model": model}, test_set, batch_size=10).rows[0]
    for key in ("images", "accuracy", "attention"):
        assert row[key] == pytest.approx(whole[key]), key


def test_several_outputs_and_pairs_say_what_to_use(models, test_set):
    inputs = keras.Input((12, 12, 2))
    x, maps = AttentionPooling2D()(inputs, return_attention_scores=True)
    model = keras.Model(inputs, [keras.layers.Dense(CLASSES)(x), maps])
    match = r"keras.Model\(m.input, m.outputs\[0\]\)"
    with pytest.raises(ValueError, match=match):
        compare({"gate": model}, test_set)
    one = keras.Model(model.input, model.outputs[0])
    assert compare({"gate": one}, test_set)
    pair = (test_set["image"], test_set["label"])
    for given in (pair, [pair]):
        with pytest.raises(ValueError, match="supervised=False"):
            compare(models, given)
