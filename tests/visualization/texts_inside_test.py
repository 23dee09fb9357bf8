"""Every figure shows its texts whole: none leaves it, no titles collide."""

import functools
import itertools

import keras
import numpy as np
import pytest
from choice import first
from matplotlib.text import Text

from keras_attention import layers
from keras_attention import visualization
from keras_attention.visualization import AttentionMap
from keras_attention.visualization import alignment_plot
from keras_attention.visualization.styles import STYLES

# As long as names in networks and data sets are.
LAYER = "encoder_stage_4/block2_convolutional_block_attention"
CLASS = "melanocytic nevi, WWMMW"
ROW = np.random.default_rng(0).normal(size=60).astype("float32")
MAP = ROW.reshape(6, 10)
IMAGE = np.zeros((12, 16, 3))


@functools.cache
def model():
    name = LAYER.replace("/", "_")
    x = inputs = keras.Input(IMAGE.shape)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name=name)(x)
    pooled = layers.get("attn_pool", name=f"{name}_pooling")(x)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    mean = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Concatenate()([mean, pooled])
    return keras.Model(inputs, keras.layers.Dense(3, name=name * 2)(x))


def named_alignments(style):
    names = [LAYER, "softmax, temperature 0.01", "min_max"]
    chosen = dict.fromkeys(names, "softmax")
    return visualization.compare_alignments(MAP, chosen, style=style)


def walk(style):
    return visualization.plot_walk(
        model(), IMAGE, class_names=[CLASS] * 3, style=style
    )


def attention(count):
    maps = {
        LAYER: np.full((count, 1, 3, 4), 1 / 12),
        f"left_out_{LAYER}": AttentionMap(
            np.ones((count, 1, 1, 4)), LAYER, "channel"
        ),
    }
    return visualization.plot_attention(
        np.zeros((count, 12, 16)),
        maps,
        labels=[0] * count,
        predictions=[1] * count,
        class_names=[CLASS, CLASS[::-1]],
    )


def pairs():
    chosen = {"entmax": "entmax", LAYER: "softmax"}
    return visualization.plot_pairs({LAYER: MAP}, chosen, IMAGE)


FIGURES = {
    "one image": lambda: attention(1),
    "many images": lambda: attention(8),
    "pairs": pairs,
    "architecture": lambda: visualization.plot_architecture(model()),
}
for style in STYLES:
    compare = functools.partial(visualization.compare_alignments, style=style)
    FIGURES |= {
        f"row, {style}": functools.partial(compare, ROW),
        f"map, {style}": functools.partial(compare, MAP),
        f"names, {style}": functools.partial(named_alignments, style),
        f"walk, {style}": functools.partial(walk, style),
    }


@pytest.fixture
def check(monkeypatch):
    drawn = []
    draw = Text.draw

    def noting(text, renderer):
        if text.get_text() and text.get_visible():
            drawn.append(text)
        draw(text, renderer)

    def check_texts(figure):
        drawn.clear()
        figure.draw_without_rendering()
        whole = figure.bbox.padded(0.5)  # half a pixel is rounding
        boxes = {text: text.get_window_extent() for text in drawn}
        for text, box in boxes.items():
            assert whole.containsx(box.x0) and whole.containsx(box.x1), text
            assert whole.containsy(box.y0) and whole.containsy(box.y1), text
        titles = [box for text, box in boxes.items() if "\n" in text.get_text()]
        for a, b in itertools.combinations(titles, 2):
            assert not a.overlaps(b)

    # Not the ticks beyond the end of an axis, which are there but not drawn.
    monkeypatch.setattr(Text, "draw", noting)
    return check_texts


@pytest.mark.parametrize("name", first(8, FIGURES))
def test_texts_are_whole(name, check):
    check(FIGURES[name]())


@pytest.mark.parametrize("style", STYLES)
def test_texts_of_an_animation_are_whole(style, check, monkeypatch):
    figures = []
    monkeypatch.setattr(alignment_plot, "_pixels", figures.append)
    visualization.temperature_animation(
        ROW, "local_monotonic", [10.0], style=style
    )
    check(figures[0])
