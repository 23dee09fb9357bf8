"""Names that people give to layers and classes, in figures."""

import io
import warnings

import keras
import numpy as np
import pytest
from matplotlib.text import Text

from keras_attention import VGG16BNAttention
from keras_attention import visualization
from keras_attention.internals import table
from keras_attention.visualization import AttentionMap

# A formula that matplotlib cannot set, and one that it can.
# And what no font has, or lets the rest of a line run backwards.
NAMES = [
    "$\\frac{$",
    "price $1 or $2",
    "a" * 300,
    "two\nlines",
    "\x00\x1b[31m\ud800",
    "\u202e\u05d0\u05d1",
    "<script>alert(1)</script>",
]


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_maps_of_layers_of_any_name(name):
    images = np.zeros((3, 8, 8, 1))
    figure = visualization.plot_attention(
        images,
        {name: np.full((3, 1, 4, 4), 1 / 16)},
        labels=[0, 1, 2],
        predictions=[1, 1, 1],
        class_names=[name, name[::-1], "other"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert png(figure)
    texts = [t.get_text() for axes in figure.axes for t in axes.findobj(Text)]
    assert max(map(len, texts)) < 100
    assert all(not t.get_parse_math() for t in figure.findobj(Text))


def test_columns_and_channels_of_any_name():
    maps = {name: np.full((1, 4, 4), 1 / 16) for name in NAMES}
    figures = [
        visualization.compare_maps(np.zeros((1, 8, 8)), maps),
        visualization.plot_channel_attention(
            {NAMES[0]: np.ones((7, 3))}, range(7), NAMES
        ),
    ]
    for figure in figures:
        assert png(figure)
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert max(map(len, texts)) < 150


@pytest.mark.parametrize("name", ["cost_$1_of_$2", "b" * 200])
def test_architectures_of_layers_of_any_name(name):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name=name)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    figure = visualization.plot_architecture(model)
    assert png(figure)
    longest = max(len(t.get_text()) for t in figure.findobj(Text))
    assert longest < 150


@pytest.mark.parametrize("name", [*NAMES, "b" * 10_000])
def test_descriptions_of_layers_of_any_name(name):
    attention = AttentionMap(np.ones((1, 1, 2, 2)), name)
    described = [repr(attention), attention._repr_html_()]
    rows = [[name, "1"]]
    tables = [table.text_table(["", "n"], rows), table.html_table([""], rows)]
    assert max(map(len, described)) < 400 and max(map(len, tables)) < 2500
    assert "<script" not in described[1] + tables[1]


def test_some_maps_keep_their_kind():
    pairs = AttentionMap(np.ones((4, 1, 9, 9)), "pairs", "pairwise")
    for chosen, count in (
        (slice(2), 2),
        (np.array([3, 0, 1]), 3),
        (np.array([True, False, True, False]), 2),
        (-1, 1),
    ):
        some = pairs[chosen]
        assert (len(some), some.kind, some.layer) == (
            count,
            "pairwise",
            "pairs",
        )
    images = np.zeros((2, 6, 6, 1))
    with pytest.raises(ValueError, match="pairs .pairwise."):
        visualization.plot_attention(images, {"pairs": pairs[:2]})


def test_maps_of_a_network_stay_what_they_are_in_a_comprehension():
    model = VGG16BNAttention(
        {"block2": "se", "block3": "mhsa", "block4": "gate"},
        input_shape=(32, 32, 1),
        classes=2,
        width_multiplier=1 / 16,
    )
    x = np.zeros((3, 32, 32, 1), "float32")
    maps = visualization.collect_attention(model, x)
    some = {name: layer[:2] for name, layer in maps.items()}
    kinds = [layer.kind for layer in some.values()]
    assert kinds == ["channel", "pairwise", "spatial"]
    assert png(visualization.plot_attention(x[:2], some))
