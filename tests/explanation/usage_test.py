"""Attention that is used, that is a constant, and that nobody uses."""

import keras
import numpy as np
import pytest

from keras_attention import visualization
from keras_attention.explanation import attention_is_used
from keras_attention.internals.recording import record_attention
from keras_attention.layers import SqueezeAndExcite2D

COUNT = 8


class Pick(keras.layers.Layer):
    """The value where the marker is: `sum(softmax(50 marker) value)`."""

    weights_kind = "spatial"

    def call(self, x):
        _, height, width, _ = x.shape
        marks = keras.ops.reshape(50 * x[..., 0], (-1, height * width))
        weights = keras.ops.softmax(marks)
        weights = keras.ops.reshape(weights, (-1, 1, height, width))
        weights = record_attention(self, weights)
        return keras.ops.sum(weights[:, 0] * x[..., 1], (1, 2))


class Ignored(keras.layers.Layer):
    """Gates of channels that change nothing."""

    def call(self, x):
        gates = keras.ops.mean(x, (1, 2), keepdims=True)
        gates = record_attention(self, gates)
        return x + 0 * gates


class Share(keras.layers.Layer):
    def __init__(self, contrast=1):
        super().__init__()
        self.contrast = contrast

    def call(self, value):
        value = 0.5 + self.contrast * (value - 0.5)
        return keras.ops.stack([1 - value, value], -1)


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((3, 4, 2))
    x = Ignored(name="ignored")(inputs)
    return keras.Model(inputs, Share()(Pick(name="pick")(x)))


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    images = np.zeros((COUNT, 12, 2), "float32")
    marked = random.integers(0, 12, COUNT)
    marked[:2] = 0, 5
    images[np.arange(COUNT), marked, 0] = 1
    images[..., 1] = random.random((COUNT, 12))
    return images.reshape(COUNT, 3, 4, 2), marked


@pytest.fixture(scope="module")
def labels(images):
    images, marked = images
    values = images.reshape(COUNT, 12, 2)[..., 1]
    return (values[np.arange(COUNT), marked] > 0.5).astype(int)


@pytest.fixture(scope="module")
def used(model, images, labels):
    return attention_is_used(model, images[0], labels, repeats=50, batch_size=3)


def rows_of(table, layer):
    return {
        row["replaced_by"]: row for row in table.rows if row["layer"] == layer
    }


@pytest.mark.computing
def test_replaced_attention_answers_as_its_formula_says(used, images):
    images, marked = images
    values = images.reshape(COUNT, 12, 2)[..., 1]
    picked = values[np.arange(COUNT), marked]
    share = np.bincount(marked, minlength=12) / COUNT
    rows = rows_of(used, "pick")
    for kind, answers in (
        ("uniform", values.mean(1)),
        ("mean", values @ share),
    ):
        distance = abs(answers - picked)  # of two classes
        np.testing.assert_allclose(
            rows[kind]["distance"][0], distance.mean(), rtol=1e-4
        )
        right = (answers > 0.5) == (picked > 0.5)
        assert rows[kind]["accuracy"] == pytest.approx(right.mean())
        change = rows[kind]["accuracy_change"]
        assert change[0] == pytest.approx(right.mean() - 1)
        assert change[1] <= change[0] <= change[2] <= 0
    # A value of the same image, which another one's mark or chance picks.
    for kind in ("another", "permuted"):
        assert rows[kind]["distance"][0] > 0.1
    assert all(row["reading"] == "" for row in rows.values())
    assert {row["kind"] for row in rows.values()} == {"spatial"}


def test_together_they_do_what_the_one_that_is_used_does(used):
    together, alone = rows_of(used, "(all of them)"), rows_of(used, "pick")
    for kind in ("uniform", "another", "mean"):
        assert together[kind]["distance"] == alone[kind]["distance"]
    assert together["mean"]["kind"] == "channel/spatial"


def test_attention_that_changes_nothing_is_said(used):
    rows = rows_of(used, "ignored")
    assert [row["distance"] for row in rows.values()] == [[0, 0, 0]] * 4
    assert rows["mean"]["reading"] == "not used"
    assert rows["uniform"]["reading"] == ""


@pytest.mark.usefixtures("eagerly")
def test_a_map_says_what_removing_it_changes(model, images, used):
    images, _ = images
    maps = visualization.collect_attention(model, images, 3, removal=True)
    expected = rows_of(used, "pick")["uniform"]["distance"][0]
    assert maps["pick"].removal == pytest.approx(expected, rel=1e-4)
    assert maps["ignored"].removal == 0
    figure = visualization.plot_attention(images, {"pick": maps["pick"]})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert any(f"without it {expected:.2f}" in title for title in titles)
    assert maps["pick"][:2].removal == maps["pick"].removal
    unasked = visualization.collect_attention(model, images)
    assert unasked["pick"].removal is None


@pytest.mark.usefixtures("eagerly")
def test_answers_that_hardly_differ_but_are_wrong_have_changed(images, labels):
    images, _ = images
    inputs = keras.Input((3, 4, 2))
    faint = keras.Model(inputs, Share(0.01)(Pick(name="pick")(inputs)))
    table = attention_is_used(faint, images, labels, repeats=200)
    row = rows_of(table, "pick")["mean"]
    assert row["distance"][2] < 0.01 and row["accuracy_change"][2] < 0
    assert row["reading"] == ""


def test_the_table(used):
    assert [row["layer"] for row in used.rows] == [
        *["ignored"] * 4,
        *["pick"] * 4,
        *["(all of them)"] * 4,
    ]
    assert str(used).splitlines()[0].split()[:3] == [
        "layer",
        "kind",
        "replaced",
    ]
    assert "8 images: accuracy 1.000 with the learned attention" in str(used)
    assert used.to_csv().count("\n") == 13


@pytest.mark.usefixtures("eagerly")
def test_gates_that_are_constant_are_no_attention():
    inputs = keras.Input((2, 2, 4))
    gate = SqueezeAndExcite2D(reduction_ratio=2, name="gate")
    pooled = keras.layers.GlobalAveragePooling2D()(gate(inputs))
    model = keras.Model(inputs, keras.layers.Activation("softmax")(5 * pooled))
    zeros = [np.zeros(weight.shape) for weight in gate.weights]
    gate.set_weights([*zeros[:-1], np.array([-9, 0, 1, 9])])
    random = np.random.default_rng(0)
    images = random.random((6, 2, 2, 4)).astype("float32")
    table = attention_is_used(model, images, [3] * 6, repeats=50)
    rows = rows_of(table, "gate")
    assert len(table.rows) == 4  # Alone it is all of them.
    assert rows["mean"]["reading"] == "a constant, not attention"
    assert rows["mean"]["distance"][2] < 1e-6 > rows["another"]["distance"][2]
    assert rows["uniform"]["distance"][1] > 0.05
    assert rows["permuted"]["distance"][1] > 0.01
    # Which channels count is told by the first: that is attention.
    looking = (
        np.array([[20.0, -20], [0, 0], [0, 0], [0, 0]]),
        np.array([-10, 10]),
    )
    answering = np.array([[9.0, -9, 9, -9], [-9, 9, -9, 9]]), np.zeros(4)
    gate.set_weights([*looking, *answering])
    table = attention_is_used(model, images, [3] * 6, repeats=50)
    assert rows_of(table, "gate")["mean"]["reading"] == ""


@pytest.mark.usefixtures("eagerly")
def test_the_seed_decides(model, images, used):
    labels = np.zeros(COUNT, int)
    tables = [
        attention_is_used(model, images[0], labels, repeats=20, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert tables[0].to_json() == tables[1].to_json() != tables[2].to_json()


@pytest.mark.usefixtures("eagerly")
def test_errors(model, images):
    images, _ = images
    for labels in (np.zeros(3, int), np.full(COUNT, 2), np.full(COUNT, 0.5)):
        with pytest.raises(ValueError, match="argument labels"):
            attention_is_used(model, images, labels)
    plain = keras.Sequential([keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(ValueError, match="no attention layer"):
        attention_is_used(plain, images, np.zeros(COUNT, int))
    inputs = keras.Input((3, 4, 2))
    tokens = keras.layers.Reshape((12, 2))(inputs)
    stock = keras.layers.MultiHeadAttention(1, 2, name="stock")(tokens, tokens)
    outputs = keras.layers.GlobalAveragePooling1D()(stock)
    with pytest.raises(ValueError, match="'stock'"):
        attention_is_used(
            keras.Model(inputs, outputs), images, np.zeros(COUNT, int)
        )
    with pytest.raises(ValueError, match="at least two"):
        attention_is_used(model, images[:1], [0])
