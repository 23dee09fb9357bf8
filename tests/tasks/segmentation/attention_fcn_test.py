"""Attention on the map of any network, and a class for every pixel."""

import keras
import numpy as np
import pytest

from keras_attention import AttentionExtractor
from keras_attention.tasks.segmentation import AttentionFCN


def encoder(*size):
    x = keras.Input((*size, 3))
    y = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="half")(x)
    z = keras.layers.Conv2D(16, 3, strides=2, padding="same", name="last")(y)
    return keras.Model(x, z)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_attention_gathers_and_files_answer_alike(tmp_path):
    model = AttentionFCN(
        encoder(None, None), 3, attention="criss_cross", passes=2
    )
    images = np.random.default_rng(0).random((2, 9, 14, 3)).astype("float32")
    p, maps = AttentionExtractor(model)(images)
    # The same layer twice: a map of 3 x 4, and its crosses.
    assert len(maps) == 2 and [*maps][1].endswith("#2")
    assert {w.shape for w in map(numpy, maps.values())} == {(2, 1, 12, 7)}
    np.testing.assert_allclose(numpy(p).sum(-1), 1, atol=1e-5)
    assert p.shape == (2, 9, 14, 3)
    model.save(tmp_path / "fcn.keras")
    loaded = keras.saving.load_model(tmp_path / "fcn.keras")
    np.testing.assert_array_equal(numpy(loaded(images)), numpy(model(images)))


def test_places_and_the_control():
    control = AttentionFCN(
        encoder(16, 16), 1, attention=None, classifier_activation="sigmoid"
    )
    dual = AttentionFCN(encoder(16, 16), place="half", filters=5)
    assert control.output_shape == (None, 16, 16, 1)
    assert dual.get_layer("head1_conv1").kernel.shape == (3, 3, 8, 5)
    kinds = [type(layer).__name__ for layer in dual.layers]
    assert "DualAttention2D" in kinds


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"attention": "gate"}, "takes no query"),
        ({"attention": "duel"}, "Did you mean 'dual'"),
        ({"passes": 0}, "passes=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"filters": 0}, "filters=0"),
        ({"place": "lost"}, "place names 'lost'"),
        ({"classes": 1}, "softmax over one class"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        AttentionFCN(encoder(16, 16), **arguments)


def test_vectors_are_no_map():
    x = keras.Input((8, 8, 3))
    y = keras.layers.GlobalAveragePooling2D()(x)
    with pytest.raises(ValueError, match="one map as its output"):
        AttentionFCN(keras.Model(x, y))
