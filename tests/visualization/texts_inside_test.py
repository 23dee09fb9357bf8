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
from keras_attention.visualization.scaling import scaled
from keras_attention.visualization.styles import STYLES
from keras_attention.visualization.timeline import timeline

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


def compared():
    maps = {name: np.ones((2, 4, 2)) for name in (LAYER, CLASS, "a")}
    maps[LAYER] = AttentionMap(maps[LAYER], LAYER, gain=0.0)
    return visualization.compare_maps(
        np.zeros((2, 12, 6)), maps, np.ones((2, 4, 4))
    )


def heads():
    pairs = np.full((1, 7, 12, 12), 1 / 12)
    pairs = AttentionMap(pairs, LAYER, "pairwise", gain=0.0)
    return visualization.plot_heads(pairs, np.zeros((1, 4, 40)), grid=(1, 12))


def channels():
    weights = {LAYER: np.ones((12, 64)), CLASS: np.ones((12, 8))}
    return visualization.plot_channel_attention(weights, range(12))


def epochs():
    maps = np.random.default_rng(0).random((2, 3, 3))
    pictures = np.zeros((2, 8, 12, 3))
    rows = [f"epoch {n}\n{LAYER} 0.123\nentropy 0.8, gain 1" for n in (8, 9)]
    scales = [scaled(maps, "ratio")] * 2
    return timeline(LAYER, pictures, rows, scales)


FIGURES = {
    "one image": lambda: attention(1),
    "many images": lambda: attention(8),
    "pairs": pairs,
    "compared": compared,
    "heads": heads,
    "channels": channels,
    "epochs": epochs,
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


@pytest.mark.parametrize("name", first(12, FIGURES))
def test_texts_are_whole(name, check):
    check(FIGURES[name]())


@pytest.mark.parametrize("style", STYLES)
def test_texts_of_an_animation_are_whole(style, check, monkeypatch):
    figures = []
    monkeypatch.setattr(alignment_plot, "picture_of", figures.append)
    visualization.temperature_animation(
        ROW, "local_monotonic", [10.0], style=style
    )
    check(figures[0])
