"""Worked examples, comparisons of alignments, walks and their styles."""

import io
import warnings

import keras
import matplotlib
import numpy as np
import pytest
from gradients import not_on_jax
from PIL import Image

from keras_attention import VGG16BNAttention
from keras_attention import alignments
from keras_attention import layers
from keras_attention import visualization


def titles(figure):
    return [axes.get_title(loc="left").splitlines()[0] for axes in figure.axes]


@pytest.fixture(scope="module")
def model():
    return VGG16BNAttention(
        {"block2": "attn_pool", "block3": "gate"},
        input_shape=(32, 32, 1),
        classes=4,
        width_multiplier=0.125,
    )


IMAGE = np.random.default_rng(0).random((32, 32, 1)).astype("float32")


@pytest.mark.computing
def test_worked_example_is_the_formula():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=3), rng.normal(size=(4, 3))
    v = rng.normal(size=(4, 2))
    example = visualization.worked_example(q, k, v)
    e = k @ q / np.sqrt(3)
    w = np.exp(e) / np.exp(e).sum()
    np.testing.assert_allclose(example.scores, e, atol=1e-6)
    np.testing.assert_allclose(example.weights, w, atol=1e-6)
    np.testing.assert_allclose(example.products, w[:, None] * v, atol=1e-6)
    np.testing.assert_allclose(example.context, w @ v, atol=1e-6)
    for number in (e[2], w[1], (w @ v)[0]):
        assert f"{number:.3f}".rstrip("0") in str(example)
        assert f"{number:.3f}".rstrip("0") in example._repr_html_()


@pytest.mark.parametrize("alignment", alignments.available())
def test_worked_example_with_every_alignment(alignment):
    arguments = dict(score="gaussian", alignment=alignment)
    if alignments.get(alignment).per_channel:
        with pytest.raises(ValueError, match="one weight a position"):
            visualization.worked_example([1, 0], np.eye(2), **arguments)
        return
    keys = [[1, 0], [0, 1], [1, 1], [0, 0]]
    example = visualization.worked_example([1, 0], keys, **arguments)
    assert f"alignment {alignment}" in str(example)
    assert np.isfinite(example.context).all()


def test_worked_example_refuses():
    for arguments in (
        ([1, 0], [1, 0]),
        ([[1, 0]], [[1, 0]]),
        ([1, 0], [[1, 0]], [[1], [2]]),
    ):
        with pytest.raises(ValueError, match="Invalid value for argument"):
            visualization.worked_example(*arguments)


def test_alignments_of_a_row_and_of_a_map():
    scores = np.random.default_rng(0).normal(size=(4, 5))
    figure = visualization.compare_alignments(scores)
    shown = titles(figure)
    assert shown[0] == "scores"
    expected = {
        key
        for key in alignments.available()
        if not (
            alignments.get(key).needs_query
            or alignments.get(key).per_channel
            or alignments.get(key).positive_scores
        )
    }
    assert set(shown[1:]) == expected
    assert "l1" in titles(visualization.compare_alignments(np.abs(scores)))

    cold = alignments.get("softmax", temperature=0.1)
    figure = visualization.compare_alignments(
        [1.0, 2.0, 0.5],
        {"softmax": "softmax", "cold": cold},
        mask=[True, True, False],
    )
    heights = [[bar.get_height() for bar in a.patches] for a in figure.axes]
    share = 1 / (1 + np.exp(1))
    np.testing.assert_allclose(heights[1], [share, 1 - share, 0], atol=1e-6)
    assert heights[2][1] > 0.999


def test_alignments_that_need_more_than_scores():
    compare = visualization.compare_alignments
    with pytest.raises(ValueError, match="needs a query"):
        compare([1.0, 2.0], ["local_predictive"])
    with pytest.raises(ValueError, match="not negative"):
        compare([1.0, -2.0], ["l1"])
    with pytest.raises(ValueError, match="argument scores"):
        compare(np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="finite numbers.*1 that are not"):
        compare([1.0, np.nan])
    with pytest.raises(ValueError, match="best 4 of 2"):
        compare([1.0, 2.0], ["top_k"])
    with pytest.raises(ValueError, match="argument mask"):
        compare([1.0, 2.0], ["softmax"], mask=[True])


def test_alignments_of_a_single_position():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = visualization.compare_alignments([2.0])
    assert "softmax" in titles(figure) and "top_k" not in titles(figure)


def test_temperature_falls():
    animation = visualization.temperature_animation(
        [0.0, 1.0], temperatures=[5.0, 1.0, 0.2]
    )
    file = io.BytesIO()
    animation.save(file)
    with Image.open(file) as gif:
        assert gif.n_frames == 4  # and back
    assert animation._repr_html_().startswith('<img src="data:image/gif')
    with pytest.raises(ValueError, match="temperature"):
        visualization.temperature_animation([0.0, 1.0], "min_max")


def test_pairs_leave_out_what_cannot_be():
    maps = {"negative": -np.eye(3), "positive": np.eye(3)}
    keys = {"softmax": "softmax", "l1": "l1", "predictive": "local_predictive"}
    figure = visualization.plot_pairs(maps, keys)
    assert len(figure.axes) == 1 + 2 + 3
    queries = {"predictive": np.ones(4)}
    figure = visualization.plot_pairs(maps, keys, np.zeros((8, 8)), queries)
    assert len(figure.axes) == 1 + 2 + 5
    with pytest.raises(ValueError, match="'a' of shape"):
        visualization.plot_pairs({"a": np.zeros(3)})


@not_on_jax
def test_walk_is_what_the_model_did(model):
    before = model.predict(IMAGE[None], verbose=0)
    walk = visualization.follow(model, IMAGE)
    np.testing.assert_allclose(walk.answer, before[0], atol=1e-6)
    collected = visualization.collect_attention(model, IMAGE[None])
    for place, attention in collected.items():
        walk = visualization.follow(model, IMAGE, place)
        assert walk.layer == place
        np.testing.assert_allclose(walk.weights, attention.values[0], atol=1e-6)
        layer = model.get_layer(place)
        weights = keras.ops.convert_to_numpy(layer.alignment(walk.scores[None]))
        np.testing.assert_allclose(
            weights.reshape(walk.weights.shape), walk.weights, atol=1e-6
        )
        assert "call" not in vars(layer)
    np.testing.assert_array_equal(model.predict(IMAGE[None], verbose=0), before)


def test_figure_of_a_walk(model):
    place = visualization.follow(model, IMAGE).layer
    figure = visualization.plot_walk(model, IMAGE, class_names=list("abcd"))
    assert titles(figure) == [
        "image",
        "features",
        "scores",
        "weights",
        "context",
        "answer",
    ]
    svg = io.BytesIO()
    visualization.plot_walk(model, IMAGE, place, style="lecture").savefig(
        svg, format="svg"
    )
    assert b"</svg>" in svg.getvalue()
    with pytest.raises(ValueError, match="heads and"):
        visualization.plot_walk(model, IMAGE, head=3)
    with pytest.raises(ValueError, match="class_names: expected 4 names"):
        visualization.plot_walk(model, IMAGE, class_names=["a"])
    with pytest.raises(ValueError, match="There are"):
        visualization.plot_walk(model, IMAGE, "nowhere")
    with pytest.raises(ValueError, match=r"one image.* Pass images\[0\]"):
        visualization.plot_walk(model, IMAGE[None])


def test_walk_of_pairs_and_of_channels():
    inputs = keras.Input((6, 5, 8))
    x = layers.get("mhsa", num_heads=2, name="pairs")(inputs)
    x = layers.get("se", name="channels")(x)
    model = keras.Model(inputs, x)
    image = np.random.default_rng(0).random((6, 5, 8)).astype("float32")
    picture = image[..., :3]
    walk = visualization.follow(model, image, "pairs")
    assert walk.weights.shape == (2, 30, 30)
    figure = visualization.plot_walk(
        model, image, "pairs", picture=picture, head=1, query=7
    )
    shown = figure.axes[titles(figure).index("weights")].images[-1].get_array()
    np.testing.assert_allclose(shown, walk.weights[1, 7].reshape(6, 5))
    with pytest.raises(ValueError, match="does not attend to the positions"):
        visualization.plot_walk(model, image, "channels", picture=picture)
    with pytest.raises(ValueError, match="no attention layer"):
        visualization.follow(keras.Sequential([keras.layers.ReLU()]), image)


def test_style_ends_with_its_block():
    before = matplotlib.rcParams["font.size"]
    with visualization.drawing_style("lecture"):
        assert matplotlib.rcParams["font.size"] > before
        assert matplotlib.rcParams["svg.fonttype"] == "none"
    assert matplotlib.rcParams["font.size"] == before
    with (
        pytest.raises(ValueError, match="style"),
        visualization.drawing_style("poster"),
    ):
        pass
