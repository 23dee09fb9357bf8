"""The figure shows every block and all attention, legibly."""

import functools
import itertools

import keras
import pytest
from choice import first
from matplotlib import pyplot as plt

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import layers
from keras_attention.visualization import plot_architecture
from keras_attention.visualization.architecture_parts import times


def vgg(attention, **arguments):
    arguments = {
        "input_shape": (224, 224, 3),
        "classes": 2,
        "width_multiplier": 0.125,
        **arguments,
    }
    return VGG16BNAttention(attention, **arguments)


def melanoma():
    return MelanomaAttentionVGG16BN((224, 224, 3), width_multiplier=0.125)


def inserted():
    keys = ("se", "cbam", "eca", "nonlocal", "mhsa")
    return vgg({f"block{n}": key for n, key in enumerate(keys, start=1)})


def mixed():
    pooling = keras.layers.GlobalAveragePooling2D()
    attention = {
        "block2": "se",
        "block3": "gate",
        "block4": "attn_pool",
        "block3_relu2": pooling,
    }
    return vgg(attention, input_shape=(None, None, 3))


def sequential():
    return keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            keras.layers.Conv2D(16, 3),
            keras.layers.Conv2D(16, 3),
            keras.layers.MaxPooling2D(),
            layers.get("cbam", name="attention"),
            keras.layers.Conv2D(32, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="classes"),
        ]
    )


def nested():
    backbone = vgg({"block3": "se"}, input_shape=(96, 96, 3))
    backbone = keras.Model(
        backbone.inputs[0], backbone.get_layer("block5_pool").output
    )
    inputs = keras.Input((96, 96, 3))
    x = layers.get("attn_pool", name="pool")(backbone(inputs))
    return keras.Model(inputs, keras.layers.Dense(4, name="classes")(x))


def residual(blocks=3):
    x = inputs = keras.Input((64, 64, 3))
    for stage, block in itertools.product(range(3), range(blocks)):
        strides = 2 if block == 0 else 1
        name = f"stage{stage}_block{block}"
        y = keras.layers.Conv2D(
            16 * 2**stage, 3, strides, "same", name=f"{name}_conv"
        )(x)
        y = layers.get("se", name=f"{name}_se")(y)
        x = keras.layers.Add()([x, y]) if block else y
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="classes")(x))


def skip():
    """A gate in the row, asked by the map before it, lets another through."""
    x = inputs = keras.Input((64, 64, 3))
    fine = keras.layers.Conv2D(16, 3, padding="same", name="fine")(x)
    x = keras.layers.MaxPooling2D()(fine)
    x = keras.layers.Conv2D(32, 3, padding="same", name="coarse")(x)
    gated = layers.get("gate", name="skip_gate")(fine, x)
    x = keras.layers.UpSampling2D()(x)
    x = keras.layers.Concatenate()([x, gated])
    x = keras.layers.Conv2D(16, 3, padding="same", name="up")(x)
    return keras.Model(inputs, x)


def resnet50():
    return keras.applications.ResNet50(weights=None)


MODELS = {
    "melanoma": (melanoma, None),
    "inserted": (inserted, None),
    "mixed": (mixed, (160, 240, 3)),
    "sequential": (sequential, None),
    "nested": (nested, None),
    "skip": (skip, None),
    # Like others above.
    "residual": (residual, None),
    "resnet50": (resnet50, None),
    "plain": (lambda: vgg({}), None),
}


@pytest.fixture(scope="module")
def drawn():
    """Each figure once: the tests only look at it."""

    @functools.cache
    def drawn(name):
        make, input_shape = MODELS[name]
        figure = plot_architecture(make(), input_shape)
        figure.canvas.draw()
        return figure

    return drawn


@pytest.fixture(params=first(6, MODELS), ids=str)
def figure(request, drawn):
    return drawn(request.param)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def after(figure, name, count):
    """The lines below a name."""
    lines = texts(figure)
    start = lines.index(name) + 1
    return lines[start : start + count]


def test_texts_do_not_overlap_and_lie_inside(figure):
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    width, height = figure.get_size_inches() * figure.dpi
    for box in boxes:
        assert box.x0 >= 0 and box.x1 <= width
        assert box.y0 >= 0 and box.y1 <= height
    for (a, one), (b, other) in itertools.combinations(
        zip(texts(figure), boxes, strict=True), 2
    ):
        apart = (
            one.x1 <= other.x0
            or other.x1 <= one.x0
            # Lines of one label may touch.
            or one.y1 <= other.y0 + 2
            or other.y1 <= one.y0 + 2
        )
        assert apart, f"{a!r} overlaps {b!r}"


def test_lines_cross_no_text(figure):
    axes = figure.axes[0]
    boxes = [(t.get_text(), t.get_window_extent()) for t in axes.texts]
    for line in axes.lines:
        path = line.get_path().transformed(axes.transData)
        for text, box in boxes:
            assert not path.intersects_bbox(box, filled=False), text


def test_a_slide_with_letters_that_can_be_read(figure):
    width, height = figure.get_size_inches()
    assert width / height == pytest.approx(16 / 9)
    assert width == pytest.approx(40 / 3) and figure.dpi == 150
    assert min(t.get_fontsize() for t in figure.axes[0].texts) >= 6.5
    assert plt.get_fignums() == []
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_blocks_and_taps_of_the_melanoma_network(drawn):
    figure = drawn("melanoma")
    shown = texts(figure)
    blocks = ["image", "block1", "block2", "block3", "block4", "block5"]
    assert [t for t in shown if t in blocks] == blocks
    assert after(figure, "block3", 2) == ["3 conv", times((56, 56, 32))]
    # 64 + 64 + 32 channels meet.
    assert after(figure, "context", 1) == ["160"]
    for name, side in (("block3_pool_gate", 28), ("block4_pool_gate", 14)):
        lines = after(figure, name, 2)
        assert lines == ["AttentionGate2D", times((1, side, side))]
    # An arc a tap, which starts above its block and ends at the vector.
    arcs = [
        patch.get_path().vertices
        for patch in figure.axes[0].patches
        if not patch.get_fill()
    ]
    assert len(arcs) == 2
    context = next(t for t in figure.axes[0].texts if t.get_text() == "context")
    x = context.get_position()[0]
    for arc in arcs:
        assert arc[-1][0] == pytest.approx(x, abs=0.2)
        assert arc[0][1] > arc[-1][1]


def queries(figure):
    return [x for x in figure.axes[0].lines if x.get_gid() == "query"]


def place(figure, name):
    """The middle of a text, in inches, and half its width."""
    text = next(t for t in figure.axes[0].texts if t.get_text() == name)
    box = text.get_window_extent().transformed(
        figure.axes[0].transData.inverted()
    )
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.width / 2


@pytest.mark.parametrize("name", ["melanoma", "mixed"])
def test_arrows_lead_from_the_last_block_to_what_it_asks(drawn, name):
    figure = drawn(name)
    lines = queries(figure)
    names = [t for t in texts(figure) if "_pool_" in t and "_se" not in t]
    assert len(lines) == len(names) == 2
    ends = {tuple(line.get_xydata()[-1]) for line in lines}
    for name in names:
        x, y, half = place(figure, name)
        end = min(ends, key=lambda end: abs(end[1] - y))
        ends.remove(end)
        # At the right of the box, below the arc that leaves from its middle.
        assert x + half < end[0] < x + half + 0.5
        assert end[1] < y - 0.2
    x, _, _ = place(figure, "block5")
    context, _, _ = place(figure, "context")
    for line in lines:
        # From above the block straight up: nothing stands in the way.
        start, *corners, _ = line.get_xydata()
        assert x < start[0] < context
        assert {corner[0] for corner in corners} == {start[0]}
    assert "query of attention" in texts(figure)


def test_an_arrow_leads_to_attention_in_the_row(drawn):
    figure = drawn("skip")
    (line,) = queries(figure)
    start, *_, end = line.get_xydata()
    for point, name in ((start, "coarse"), (end, "skip_gate")):
        assert point[0] == pytest.approx(place(figure, name)[0], abs=0.8)


@pytest.mark.parametrize("name", ["inserted", "nested", "residual"])
def test_without_a_query_no_arrow(drawn, name):
    figure = drawn(name)
    assert not queries(figure)
    assert "query of attention" not in texts(figure)


def test_inserted_attention_stands_in_the_row(drawn):
    figure = drawn("inserted")
    positions = {
        text.get_text(): text.get_position()[0] for text in figure.axes[0].texts
    }
    for number, key in enumerate(("se", "cbam", "eca", "nonlocal"), start=1):
        before, attention, behind = (
            positions[name]
            for name in (
                f"block{number}",
                f"block{number}_pool_{key}",
                f"block{number + 1}",
            )
        )
        assert before < attention < behind
    assert all(patch.get_fill() for patch in figure.axes[0].patches)
    assert after(figure, "block2_pool_cbam", 3) == [
        "ConvolutionalBlockAttention2D",
        times((1, 1, 16)),
        times((1, 56, 56)),
    ]


def test_many_attention_layers_are_counted_in_their_blocks(drawn):
    figure = drawn("residual")
    assert after(figure, "stage1", 3) == [
        "3 conv",
        "3 SqueezeAndExcite2D",
        times((16, 16, 32)),
    ]
    assert not any("_se" in text for text in texts(figure))


def test_stages_of_a_deep_network(drawn):
    figure = drawn("resnet50")
    shapes = {
        "conv1": (112, 112, 64),
        "conv2": (56, 56, 256),
        "conv3": (28, 28, 512),
        "conv4": (14, 14, 1024),
        "conv5": (7, 7, 2048),
    }
    for name, shape in shapes.items():
        assert after(figure, name, 2)[1] == times(shape)
    assert sum(text.endswith(" conv") for text in texts(figure)) == 5


def test_plain_taps_differ_from_attention(drawn):
    figure = drawn("mixed")
    assert after(figure, "block3_relu2_global_average_pooling2d", 1) == [
        "mean of the map"
    ]
    colours = {
        patch.get_edgecolor()
        for patch in figure.axes[0].patches
        if not patch.get_fill()
    }
    assert len(colours) == 2


def test_channels_first():
    first = {"data_format": "channels_first"}
    x = inputs = keras.Input((3, 32, 48))
    x = keras.layers.Conv2D(8, 3, padding="same", name="a_conv", **first)(x)
    x = keras.layers.MaxPooling2D(2, name="a_pool", **first)(x)
    x = layers.get("se", name="se", **first)(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean", **first)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="classes")(x))
    figure = plot_architecture(model)
    assert after(figure, "a_conv", 2) == ["1 conv", times((32, 48, 8))]


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="model: expected a keras.Model"):
        plot_architecture("vgg")
    with pytest.raises(ValueError, match="input_shape"):
        plot_architecture(mixed())
