"""Figures that compare maps, heads, positions, channels and losses."""

import dataclasses
import itertools
import warnings

import keras
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text

from keras_attention import layers
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.inspection.gains import gains
from keras_attention.inspection.position_grids import position_grids
from keras_attention.visualization import AttentionMap
from keras_attention.visualization.agreement import rank_correlation
from keras_attention.visualization.agreement import top_overlap
from keras_attention.visualization.entropy import normalized_entropy

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((3, 24, 32, 3))
MAPS = RANDOM.random((3, 2, 4, 6)) ** 3
MASKS = np.zeros((3, 48, 64))
MASKS[:, 12:36, 8:32] = 1
# Of 3 x 4 positions, and of those to a class token and back.
PAIRS = RANDOM.random((3, 2, 12, 12))
PAIRS /= PAIRS.sum(-1, keepdims=True)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras' own
        yield


def texts(figure):
    """All texts of a figure."""
    assert plt.get_fignums() == []
    return [text.get_text() for text in figure.findobj(Text)]


def shown(figure):
    """The maps that are drawn over images."""
    return [
        axes.images[1].get_array() for axes in figure.axes if axes.images[1:]
    ]


def test_gains_are_read_and_told():
    inputs = keras.Input((4, 6, 3))
    x = layers.get("cbam", name="cbam", identity_init=True)(inputs)
    model = keras.Model(inputs, layers.get("attn_pool", name="pool")(x))
    names = ["cbam/spatial", "pool", "cbam/spatial#2"]
    found = gains(model, names)
    assert found == {names[0]: 0.0, "pool": None, names[2]: 0.0}
    model.get_layer("cbam").gain.assign(0.25)
    assert gains(model, names)["cbam/spatial"] == 0.25
    attention = AttentionMap(MAPS, "gate", gain=0.0)
    assert "gain 0: no influence" in repr(attention)
    assert "gain 0: no influence" in attention._repr_html_()
    assert attention[:1].gain == 0
    # A name of any length leaves the gain where it can be read.
    maps = {"gate": attention, "x" * 300: attention, "pixels": IMAGES[..., 0]}
    figure = visualization.plot_attention(IMAGES, maps)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    _, gate, long, pixels = filter(None, titles)
    end = f" 4x6, entropy {normalized_entropy(MAPS).mean():.2f}, gain 0: no "
    assert gate == f"gate{end}influence"
    assert long.endswith(f"{end}influence") and len(long) < 80
    assert pixels.startswith("pixels 24x32, the image's pixels, entropy 0.9")


def test_layers_know_how_their_positions_lie():
    inputs = keras.Input((4, 6, 8))
    x = layers.get("mhsa", name="mix")(inputs)
    first = layers.get("mhsa", name="first", data_format="channels_first")
    model = keras.Model(inputs, first(x))
    assert position_grids(model, ["mix", "first", "mix#2"]) == {
        "mix": (4, 6),
        "first": (6, 8),
        "mix#2": (4, 6),
    }
    unknown = keras.Input((None, 6, 8))
    model = keras.Model(unknown, layers.get("mhsa", name="mix")(unknown))
    assert position_grids(model, ["mix", "other"]) == {
        "mix": None,
        "other": None,
    }


def test_a_single_image_fills_its_figure():
    figure = visualization.plot_attention(IMAGES[:1], {"a": MAPS[:1]})
    picture = figure.axes[0].get_window_extent()
    assert picture.width > 0.6 * figure.bbox.width
    assert picture.width % 1 == 0


def test_ratios_are_over_the_mean_of_each_map():
    maps = {"a": MAPS.mean(1) * [[[1]], [[100]], [[0]]]}
    figure = visualization.plot_attention(IMAGES, maps, normalize="ratio")
    first, second, empty = shown(figure)
    expected = MAPS.mean(1) / MAPS.mean((1, 2, 3))[:, None, None]
    np.testing.assert_allclose(first, expected[0])
    np.testing.assert_allclose(second, expected[1])
    assert not empty.any() and "all 0" in texts(figure)


def test_compared_maps_have_one_scale_and_their_agreement():
    maps = {
        "attention": AttentionMap(MAPS, "pool", gain=0.0),
        "other": MAPS.mean(1)[:, ::-1],
        "pixels": np.kron(MAPS.mean(1), np.ones((6, 5)))[:, :, :32],
    }
    maps["pixels"] = np.pad(maps["pixels"], [(0, 0), (0, 0), (0, 2)], "edge")
    figure = visualization.compare_maps(IMAGES, maps, MASKS, max_images=2)
    told = texts(figure)
    panels = [axes for axes in figure.axes if axes.images[1:]]
    assert len(panels) == 2 * len(maps)
    assert len({axes.images[1].norm.vmax for axes in panels}) == 1
    assert all(len(axes.patches) == 1 for axes in panels)
    a, b = (np.asarray(maps[name]) for name in ("attention", "other"))
    rank = rank_correlation(a.mean(1), b)[0]
    overlap = top_overlap(a.mean(1), b)[0]
    assert f"rank\n{rank:.2f}\n\nIoU\n{overlap:.2f}" in told
    energy = metrics.attention_energy(a, MASKS)[0]
    assert f"energy {energy:.2f}, lift {energy / MASKS.mean():.2f}" in (told)
    assert f"entropy {normalized_entropy(a)[0]:.2f}" in told
    assert "gain 0: no influence" in told
    assert "24x32, the image's pixels" in told


def test_one_image_and_maps_without_contrast():
    maps = {
        "uniform": np.ones((4, 6)),
        "dead": np.zeros((4, 6)),
        "unknown": np.full((4, 6), np.nan),
    }
    figure = visualization.compare_maps(IMAGES[0], maps, MASKS[0])
    told = texts(figure)
    assert {"uniform", "all 0", "not finite"} <= {*told}
    assert told.count("rank\nnone\n\nIoU\nnone") == 2
    assert "energy 0.25, lift 1.00" not in told  # the mask covers 3/16
    assert told.count("energy none, lift none") == 2
    grey = visualization.compare_maps(IMAGES[0, ..., 0], {"a": MAPS[0, 0]})
    assert "entropy" in " ".join(texts(grey)) and not shown(grey)[0].mask.any()


def test_agreement_is_that_of_scipys_ranks_and_of_sets():
    a, b = MAPS[:, 0], MAPS[:, 1]
    ranks = rank_correlation(a, b)
    for one, other, rank in zip(a, b, ranks, strict=True):
        places = [x.ravel().argsort().argsort() for x in (one, other)]
        assert rank == pytest.approx(np.corrcoef(*places)[0, 1])
    for one, other, seen in zip(a, b, top_overlap(a, b), strict=True):
        tops = [{*np.argsort(x.ravel())[-5:]} for x in (one, other)]
        assert seen == len(tops[0] & tops[1]) / len(tops[0] | tops[1])
    # The larger map is averaged, not sampled.
    large = np.kron(a, np.ones((2, 3)))
    np.testing.assert_allclose(rank_correlation(large, b), ranks)


def test_entropy_of_what_has_none():
    maps = np.ones((4, 2, 3))
    maps[1, 0, 0], maps[2], maps[3, 0, 0] = np.nan, 0, -1
    np.testing.assert_allclose(normalized_entropy(maps), [1, *[np.nan] * 3])
    assert np.isnan(normalized_entropy(np.ones((1, 1, 1)))).all()
    p = MAPS[0].mean(0) / MAPS[0].mean(0).sum()
    expected = -(p * np.log(p)).sum() / np.log(p.size)
    assert normalized_entropy(MAPS)[0] == pytest.approx(expected)


def test_pairs_become_maps():
    pairs = AttentionMap(PAIRS, "mix", "pairwise", gain=0.5)
    received = pairs.received((3, 4))
    assert (received.kind, received.gain) == ("spatial", 0.5)
    expected = PAIRS.mean(2).reshape(3, 2, 3, 4)
    np.testing.assert_allclose(received.values, expected)
    seen = pairs.seen_from(1, 2, (3, 4))
    np.testing.assert_allclose(seen.values[:, :, 2, 3], PAIRS[:, :, 6, 11])
    with_token = np.zeros((3, 2, 13, 13))
    with_token[:, :, 1:, 1:] = PAIRS
    token = AttentionMap(with_token, "mix", "pairwise")
    np.testing.assert_array_equal(
        token.received((3, 4), prefix=1).values, received.values
    )
    distance = pairs.distance((3, 4))
    by_hand = [
        PAIRS[:, :, q, k] * np.hypot(q // 4 - k // 4, q % 4 - k % 4)
        for q, k in itertools.product(range(12), range(12))
    ]
    np.testing.assert_allclose(distance, np.sum(by_hand, 0) / 12)
    # The layer's own grid; but a row of tokens says nothing of how they lie.
    own = dataclasses.replace(pairs, grid=(3, 4))
    assert own[:2].received().shape == (2, 2, 3, 4)
    tokens = np.full((1, 1, 25, 25), 0.04)
    row = AttentionMap(tokens, "vit", "pairwise", grid=(1, 25))
    with pytest.raises(ValueError, match="25 positions that the layer has in"):
        row.received()
    assert row.received((4, 6), prefix=1).shape == (1, 1, 4, 6)
    # Keys of half the rows and columns.
    coarse = AttentionMap(PAIRS[:, :, :, :2], "nonlocal", "pairwise")
    assert coarse.received((3, 4)).shape == (3, 2, 1, 2)
    assert AttentionMap(PAIRS[:, 0, :9, :9], "k", "pairwise").received().shape


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda a: a.received(), r"12 positions. Received: grid=None"),
        (lambda a: a.received((3, 5)), r"12 positions. Received: grid=\(3, 5"),
        (lambda a: a.received((-3, -4)), "12 positions"),
        (lambda a: a.received(prefix=1), "grid: expected .* of 11 positions"),
        (lambda a: a.seen_from(3, 0, (3, 4)), "of the grid 3 x 4"),
        (lambda a: a.seen_from(0, -1, (3, 4)), "argument column"),
        (
            lambda a: AttentionMap(
                np.ones((1, 1, 17, 17)), "vit", "pairwise"
            ).received(),
            "class token. Pass prefix=1 and a grid of 16",
        ),
        (lambda a: AttentionMap(MAPS, "a").received(), "spatial weights"),
        (lambda a: visualization.plot_heads(a, index=3), "one of 3 images"),
        (lambda a: visualization.plot_heads(MAPS), "argument attention"),
        (
            lambda a: visualization.plot_heads(
                AttentionMap(MAPS, "a"), grid=(4, 6)
            ),
            "are for pairwise attention",
        ),
        (
            lambda a: visualization.plot_heads(
                AttentionMap(np.ones((1, 1, 1, 4)), "se", "channel")
            ),
            "channel weights",
        ),
        (
            lambda a: visualization.plot_seen_from(
                IMAGES[0], a, np.zeros((13, 2)), grid=(3, 4)
            ),
            "argument positions",
        ),
        (
            lambda a: visualization.compare_maps(IMAGES, {"a": a}),
            r"a \(pairwise\).*received\(\)",
        ),
        (
            lambda a: visualization.compare_maps(IMAGES, {"a": MAPS - 1}),
            "not negative. Received: 'a'",
        ),
        (
            lambda a: visualization.compare_maps(IMAGES, {"a": MAPS[:2]}),
            "argument maps: expected 3",
        ),
        (
            lambda a: visualization.plot_channel_attention(a),
            "attends to channels. Received: mix",
        ),
        (
            lambda a: visualization.plot_channel_attention(MAPS[0, 0], [1]),
            "argument labels",
        ),
        (
            lambda a: visualization.plot_top_losses(
                IMAGES, [0, 1, 1], np.ones((3, 2)), {"a": MAPS}
            ),
            "argument probabilities",
        ),
        (
            lambda a: visualization.plot_top_losses(
                IMAGES[:2], [0, 1, 1], np.full((3, 2), 0.5), {"a": MAPS}
            ),
            "argument images: expected 3",
        ),
        (lambda a: visualization.boxes_from_maps(MAPS, 1), "threshold"),
        (lambda a: visualization.boxes_from_maps(a), "not a map"),
    ],
)
def test_what_cannot_be_is_told(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(AttentionMap(PAIRS, "mix", "pairwise"))


def test_heads_of_maps_and_of_pairs():
    queries = AttentionMap(RANDOM.random((2, 2, 3, 4, 6)), "pool")
    figure = visualization.plot_heads(queries, IMAGES[:2], index=1)
    told = texts(figure)
    maps = shown(figure)
    assert len(maps) == 2 * 3 + 1  # and the mean
    of_one = queries.values[1, 1, 2]
    np.testing.assert_allclose(maps[5], of_one / of_one.mean())
    entropy = normalized_entropy(of_one[None])[0]
    assert f"entropy {entropy:.2f}" in told and "head 2, query 3" in told
    pairs = AttentionMap(PAIRS, "mix", "pairwise", gain=0.0)
    told = texts(visualization.plot_heads(pairs, grid=(3, 4)))
    assert "mix, 3x4, received, gain 0: no influence" in told
    distance = pairs.distance((3, 4))[0, 1]
    rows = normalized_entropy(PAIRS[0, 1][:, None]).mean()
    assert f"entropy {rows:.2f}\ndistance {distance:.1f}" in told


def test_positions_are_marked_where_they_are():
    pairs = AttentionMap(PAIRS, "mix", "pairwise")
    figure = visualization.plot_seen_from(
        IMAGES[1], pairs, [(0, 0), (2, 3)], index=1, grid=(3, 4)
    )
    told = texts(figure)
    photograph, *panels = [axes for axes in figure.axes if axes.images]
    # The middle of the last of 4 columns of 8 pixels, and of the last row.
    both = photograph.lines[0].get_xydata()
    np.testing.assert_allclose(both, [[3.5, 3.5], [27.5, 19.5]])
    np.testing.assert_allclose(panels[1].lines[0].get_xydata(), [[27.5, 19.5]])
    values = PAIRS[1].mean(0)[11].reshape(3, 4)
    np.testing.assert_allclose(shown(figure)[1], values / values.mean())
    assert any(f"itself {values[2, 3]:.0%}" in text for text in told)


def test_near_a_gain_of_0_there_is_nothing_to_read():
    idle = AttentionMap(PAIRS, "mix", "pairwise", gain=-0.009)
    figure = visualization.plot_seen_from(IMAGES[0], idle, (0, 0), grid=(3, 4))
    told = " ".join(texts(figure))
    assert "gain -0.009: hardly any influence" in told
    assert "itself" not in told and "entropy" not in told
    panel = figure.axes[1]
    assert panel.images[1].get_array().mask.all()
    assert [t.get_text() for t in panel.texts] == ["not to be read"]


def test_channels_by_class():
    weights = RANDOM.random((4, 1, 1, 5))
    weights[2:, ..., 1] += 1
    maps = {
        "se": AttentionMap(weights, "se", "channel", gain=0.5),
        "pool": AttentionMap(MAPS, "pool"),
    }
    labels = [0, 0, 1, 1]
    figure = visualization.plot_channel_attention(maps, labels, ["a", "b$"])
    assert "se, 5 channels, gain 0.5\nvariance" in " ".join(texts(figure))
    (axes,) = figure.axes
    order = np.argsort(-weights.mean((0, 1, 2)))
    np.testing.assert_allclose(
        axes.lines[1].get_ydata(), weights[2:, 0, 0].mean(0)[order]
    )
    assert [t.get_text() for t in figure.legends[0].texts] == [
        "a (2)",
        "b$ (2)",
    ]
    constant = visualization.plot_channel_attention(np.ones((3, 4)))
    assert "0% between channels, 0% classes" in " ".join(texts(constant))


def test_the_most_wrong_come_first():
    sure = np.array([[0.3, 0.7], [0.9, 0.1], [0.4, 0.6]])
    figure = visualization.plot_top_losses(
        IMAGES, [1, 1, 0], sure, {"a": MAPS}, outlines=MASKS[:, ::2, ::2]
    )
    texts(figure)
    captions = [axes.get_xlabel() for axes in figure.axes[:3]]
    assert captions == [
        "✗ 0\ntrue: 1\nloss 2.3",
        "✗ 1\ntrue: 0\nloss 0.9",
        "✓ 1\nloss 0.4",
    ]
    first = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(first, IMAGES[1], rtol=1e-6)


def test_boxes_are_around_the_largest_part():
    maps = np.zeros((4, 4, 8))
    maps[0, 0, 0], maps[0, 2:, 5:7] = 1, 0.6
    maps[1, 1, 1], maps[1, 2, 2] = 1, 1  # they touch at a corner
    maps[3, 0, 0] = np.nan
    boxes = visualization.boxes_from_maps(maps)
    np.testing.assert_array_equal(boxes[0], [0.5, 0.625, 1, 0.875])
    np.testing.assert_array_equal(boxes[1], [0.25, 0.125, 0.75, 0.375])
    assert np.isnan(boxes[2:]).all()
    visualization.plot_attention(
        np.zeros((4, 8, 16)), {"a": maps}, outlines=boxes
    )
