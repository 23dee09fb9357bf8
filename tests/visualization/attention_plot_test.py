import itertools
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt

from keras_attention.visualization import AttentionMap
from keras_attention.visualization import plot_attention
from keras_attention.visualization.entropy import normalized_entropy

COUNT, SIZE = 5, 24


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def images(count=COUNT):
    return np.random.default_rng(0).random((count, SIZE, SIZE))


def softmax_maps(count=COUNT, side=6):
    maps = np.random.default_rng(1).random((count, 2, side, side)) ** 4
    return maps / maps.sum((2, 3), keepdims=True)


def masks(count=COUNT):
    masks = np.zeros((count, SIZE, SIZE, 1), "uint8")
    masks[:, 4:12, 6:20] = 1
    return masks


def plot(maps, given=None, **arguments):
    given = images() if given is None else given
    figure = plot_attention(given, maps, **arguments)
    figure.canvas.draw()
    return figure


def bar(figure):
    return figure.axes[-1]


def panels(figure):
    return [a for a in figure.axes if a.images]


def overlay(axes):
    return axes.images[1]


def test_channels_last_are_no_heads_of_a_column():
    maps = softmax_maps()[:, :1]
    with pytest.raises(ValueError, match=r"Take weights\[\.\.\., 0\]"):
        plot({"gate": np.moveaxis(maps, 1, -1)})
    with pytest.raises(ValueError, match=r"Take weights\[\.\.\., 0\]"):
        plot({"gate": AttentionMap(np.moveaxis(maps, 1, -1), "gate")})
    plot({"single": maps[..., :1, :1]})


def test_arrays_that_are_no_maps_are_named_and_not_drawn():
    # What an AttentionExtractor returns does not say its kind.
    pairs = np.random.default_rng(2).random((COUNT, 4, 36, 36))
    pairs /= pairs.sum(-1, keepdims=True)
    gates = np.full((COUNT, 1, 1, 16), 0.7)
    arrays = {"pool": softmax_maps(), "mha": pairs, "se": gates}
    figure = plot(arrays | {"cls": pairs[:, :, :1]})
    assert figure.texts[0].get_text() == (
        "No maps, not shown: mha (pairwise), se (channel), cls (pairwise)"
    )
    message = r"mha \(pairwise\)\. What one query.* weights_kind = 'spatial'"
    with pytest.raises(ValueError, match=message):
        plot({"mha": pairs})
    # As the message says; and rows that happen to be alike are a map.
    plot({"mha": np.mean(pairs, -2).reshape(COUNT, -1, 6, 6)})
    assert not plot({"small": np.full((COUNT, 1, 2, 2), 0.5)}).texts


def test_names_of_classes_are_as_long_as_the_panels_are_wide():
    names = ["seborrheic keratosis, pigmented"] * 2
    strips = np.random.default_rng(2).random((2, 16, 64))
    for image, letters in ((strips, 31), (images(2), 16)):
        maps = {"a": np.ones((2, *np.array(image.shape[1:]) // 4))}
        figure = plot(maps, image, labels=[0, 1], class_names=names)
        assert len(figure.axes[0].get_xlabel()) == letters


def test_names_of_what_is_not_drawn_are_whole_or_counted():
    gates = AttentionMap(np.full((3, 1, 1, 16), 0.7), "se", "channel")
    names = [f"block{n}_pool_cbam/channel" for n in range(1, 6)]
    maps = {"pool": softmax_maps(3)} | dict.fromkeys(names, gates)
    figure = plot(maps, images(3))
    assert figure.texts[0].get_text() == (
        f"No maps, not shown: {names[0]} (channel) and 4 more"
    )


def test_a_strip_has_maps_of_one_row():
    strips = np.random.default_rng(2).random((COUNT, 8, 64))
    row = np.full((COUNT, 1, 1, 8), 0.7)
    for image, weights in (
        (strips, row),
        (strips, row / row.sum()),
        (strips.swapaxes(1, 2), row.swapaxes(2, 3)),
    ):
        assert not plot({"row": weights}, image).texts


def test_one_panel_an_image_and_layer_and_one_bar_a_layer():
    maps = {"block3": softmax_maps(), "block4": softmax_maps(side=3)}
    figure = plot(maps, outlines=masks())
    assert len(figure.axes) == COUNT + 2 * (COUNT + 1)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    entropies = [
        f"{normalized_entropy(values).mean():.2f}" for values in maps.values()
    ]
    assert [title for title in titles if title] == [
        "image, object outlined",
        f"block3 6x6, entropy {entropies[0]}",
        f"block4 3x3, entropy {entropies[1]}",
    ]
    assert figure.dpi == 150
    assert all(len(axes.patches) == 1 for axes in panels(figure))
    assert plt.get_fignums() == []


def test_panels_do_not_overlap_and_lie_inside_the_figure():
    figure = plot(
        {"a": softmax_maps(), "b": softmax_maps()},
        labels=range(COUNT),
        predictions=[0, 1, 2, 0, 0],
        class_names=["a name that is much too long for a panel"] * COUNT,
    )
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
        assert box.y1 <= height
    captions = [
        axes.xaxis.label.get_window_extent() for axes in panels(figure)[:COUNT]
    ]
    pairs = itertools.pairwise(captions)
    assert not any(left.overlaps(right) for left, right in pairs)
    second_row = figure.axes[COUNT].get_tightbbox()
    assert min(caption.y0 for caption in captions) > second_row.y1


def test_a_notebook_can_show_the_figure_once():
    figure = plot({"a": softmax_maps()})
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert isinstance(figure, matplotlib.figure.Figure)


def test_right_and_wrong_differ_in_sign_colour_and_frame():
    figure = plot(
        {"a": softmax_maps()},
        labels=[0, 1, 2, 0, 1],
        predictions=np.eye(3)[[0, 2, 2, 0, 1]],
        class_names=["cat", "dog", "fish"],
    )
    texts = [axes.xaxis.label for axes in figure.axes[:COUNT]]
    assert [text.get_text() for text in texts] == [
        "✓ cat",
        "✗ fish\ntrue: dog",
        "✓ fish",
        "✓ cat",
        "✓ dog",
    ]
    assert texts[0].get_color() != texts[1].get_color()
    frames = [axes.spines["left"] for axes in figure.axes[:2]]
    assert frames[0].get_linewidth() < frames[1].get_linewidth()


def test_labels_or_predictions_alone_are_written_without_judgement():
    for name in ("labels", "predictions"):
        figure = plot({"a": softmax_maps()}, **{name: [0, 1, 2, 3, 4]})
        axes = figure.axes[3]
        assert axes.get_xlabel() == "3"
        assert not axes.spines["left"].get_visible()


def test_relative_maps_say_how_often_uniform():
    values = softmax_maps()
    figure = plot({"a": values})
    drawn = overlay(figure.axes[COUNT]).get_array()
    np.testing.assert_allclose(drawn, values.mean(1)[0] * 36)
    peaks = values.mean(1).max((1, 2)) * 36
    assert overlay(figure.axes[COUNT]).norm.vmax == np.median(peaks)
    assert "1 = no preference" in bar(figure).get_ylabel()
    assert 1 in bar(figure).get_yticks()


def test_a_uniform_map_is_no_more_than_half_way_up_the_scale():
    figure = plot({"a": np.full((COUNT, 4, 4), 1 / 16)})
    drawn = overlay(figure.axes[COUNT])
    np.testing.assert_array_equal(drawn.get_array(), 1)
    assert (drawn.norm.vmin, drawn.norm.vmax) == (0, 2)


def test_gates_are_shown_from_0_to_1():
    gates = softmax_maps() * 7
    gates = gates.clip(0, 1)
    figure = plot({"a": gates})
    drawn = overlay(figure.axes[COUNT])
    np.testing.assert_allclose(drawn.get_array(), gates.mean(1)[0])
    assert (drawn.norm.vmin, drawn.norm.vmax) == (0, 1)
    assert bar(figure).get_ylabel() == "weight"


@pytest.mark.parametrize("normalize", ["shared", "per_image", "none"])
def test_other_scales(normalize):
    values = softmax_maps()
    figure = plot({"a": values}, normalize=normalize)
    drawn = overlay(figure.axes[COUNT + 1])
    mean = values.mean(1)
    if normalize == "per_image":
        assert drawn.get_array().min() == 0
        assert drawn.get_array().max() == 1
    else:
        np.testing.assert_allclose(drawn.get_array(), mean[1])
    highest = mean.max() if normalize == "shared" else 1
    assert drawn.norm.vmax == highest


@pytest.mark.parametrize("normalize", ["relative", "shared", "per_image"])
@pytest.mark.parametrize("value", [0.0, 0.3, np.nan, np.inf])
@pytest.mark.parametrize("side", [1, 5])
def test_maps_without_contrast_are_drawn(normalize, value, side):
    maps = np.full((2, side, side), value)
    figure = plot({"a": maps}, images(2), normalize=normalize)
    texts = [text.get_text() for text in figure.axes[2].texts]
    words = {0.0: "all 0", 0.3: "uniform"}
    assert texts == [words.get(value, "not finite")]
    if normalize == "per_image" and np.isfinite(value):
        np.testing.assert_array_equal(overlay(figure.axes[2]).get_array(), 0)


def test_infinities_of_both_signs_are_drawn_without_a_warning():
    maps = softmax_maps().mean(1)
    maps[:, 0, :2] = np.inf, -np.inf
    assert plot({"a": maps})._repr_png_()


def test_positions_that_are_not_finite_have_no_colour():
    maps = softmax_maps().mean(1)
    maps[0, 2, 3] = np.nan
    figure = plot({"a": maps})
    drawn = overlay(figure.axes[COUNT]).get_array()
    assert drawn.mask.sum() == 1
    assert drawn.mask[2, 3]


@pytest.mark.parametrize(
    "given",
    [
        images(),
        images()[..., None],
        np.repeat(images()[..., None], 3, -1).astype("float32"),
        (images() * 255).astype("uint8"),
    ],
)
def test_images_of_every_kind_are_shown_as_they_are(given):
    figure = plot({"a": softmax_maps()}, given)
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (SIZE, SIZE, 3)
    np.testing.assert_allclose(shown[..., 0], images()[0], atol=1 / 255)


@pytest.mark.parametrize("channels", [2, 4, 5])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_of_many_channels_the_first_are_shown(channels, kind):
    given = np.random.default_rng(0).random((COUNT, SIZE, SIZE, channels))
    given = (255 * given).astype(kind) / (255 if kind == "float32" else 1)
    figure = plot({"a": softmax_maps()}, given.astype(kind))
    shown = figure.axes[0].images[0].get_array()
    expected = given[0, ..., [0] * 3 if channels == 2 else [0, 1, 2]]
    scale = 1 if kind == "float32" else 255
    expected = np.moveaxis(expected, 0, -1) / scale
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_only_the_first_images_are_shown():
    figure = plot(
        {"a": softmax_maps(20)}, images(20), outlines=masks(20), max_images=3
    )
    assert len(panels(figure)) == 6
    assert len(panels(plot({"a": softmax_maps(20)}, images(20)))) == 16


def test_boxes_are_outlined_at_pixel_edges():
    boxes = np.full((COUNT, 2, 4), np.nan)
    boxes[:, 0] = 0.25, 0.5, 0.75, 1.0
    figure = plot({"a": softmax_maps()}, outlines=boxes)
    (patch,) = figure.axes[0].patches
    assert patch.get_xy().min(0).tolist() == [11.5, 5.5]
    assert patch.get_xy().max(0).tolist() == [23.5, 17.5]
    figure = plot({"a": softmax_maps()}, outlines=boxes[:, 0])
    assert len(figure.axes[0].patches) == 1


def test_outlines_of_masks_follow_pixel_edges():
    given = masks()
    given[1], given[2] = 0, 1
    figure = plot({"a": softmax_maps()}, outlines=given)
    (patch,) = figure.axes[0].patches
    assert patch.get_xy().min(0).tolist() == [5.5, 3.5]
    assert patch.get_xy().max(0).tolist() == [19.5, 11.5]
    assert len(figure.axes[1].patches) == 0
    (border,) = figure.axes[2].patches
    assert border.get_xy().max(0).tolist() == [SIZE - 0.5, SIZE - 0.5]


def test_attention_that_is_not_spatial_is_named():
    maps = {
        "pool": AttentionMap(softmax_maps(), "pool"),
        "se": AttentionMap(np.ones((COUNT, 1, 1, 4)), "se", "channel"),
    }
    figure = plot(maps)
    assert len(panels(figure)) == 2 * COUNT
    (note,) = figure.texts
    assert "se (channel)" in note.get_text()
    with pytest.raises(ValueError, match=r"argument maps.*se \(channel\)"):
        plot({"se": maps["se"]})


def test_errors_say_what_to_do():
    image, maps = images(1)[0], {"a": softmax_maps(1)}
    for one in (image, np.stack([image] * 3, -1)):
        with pytest.raises(ValueError, match=r"Pass images\[None\]"):
            plot_attention(one, maps)
    with pytest.raises(ValueError, match=r"Pass images\[None\]"):
        plot_attention(np.stack([image] * 3, -1), {"a": maps["a"][0]})
    with pytest.raises(ValueError, match="divide by 255, or pass uint8"):
        plot_attention(image[None] * 255, maps)
    with pytest.raises(ValueError, match="undo the model's preprocessing"):
        plot_attention(image[None] - 0.5, maps)
    with pytest.raises(ValueError, match="no layer of the model attends"):
        plot_attention(image[None], {})


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("images", np.ones((COUNT, 3, SIZE, SIZE))),
        ("images", np.ones((COUNT, SIZE, SIZE)) * 255),
        ("images", np.full((COUNT, SIZE, SIZE), np.nan)),
        ("images", np.ones((COUNT, SIZE, SIZE), "int64")),
        ("images", np.ones((0, SIZE, SIZE))),
        ("maps", {}),
        ("maps", softmax_maps()),
        ("maps", {"a": softmax_maps(4)}),
        ("maps", {"a": np.ones((COUNT, 6))}),
        ("maps", {"a": 1.0}),
        ("maps", {"a": [[1], [1, 2]]}),
        ("maps", {"a": np.ones((COUNT, 4, 4), complex)}),
        ("maps", {"a": "abc"}),
        ("images", [np.ones((4, 4)), np.ones(5)]),
        ("images", None),
        ("outlines", masks(4)),
        ("outlines", masks()[:, :-1]),
        ("outlines", np.ones((COUNT, 4)) * 20),
        ("labels", [1, 2]),
        ("labels", np.ones(COUNT)),
        ("predictions", np.ones((3, 10))),
        ("class_names", ["one"]),
        ("normalize", "other"),
        ("max_images", 0),
    ],
)
def test_errors_name_the_argument(argument, value):
    arguments = {
        "images": images(),
        "maps": {"a": softmax_maps()},
        "labels": np.arange(COUNT),
        argument: value,
    }
    with pytest.raises(ValueError, match=f"argument {argument}:"):
        plot_attention(**arguments)
