import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import layers
from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kind
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.internals.recording import record_attention


class Pairs(layers.AttentionLayer2D):
    weights_kind = "pairwise"


@pytest.mark.parametrize(
    ("layer", "shape", "kind"),
    [
        (layers.SqueezeAndExcite2D(), (2, 1, 1, 16), "channel"),
        (layers.SqueezeAndExcite2D(), (2, 1, 1, 1), "channel"),
        (layers.AttentionPooling2D(), (2, 1, 1, 16), "spatial"),
        (layers.AttentionPooling2D(num_queries=3), (2, 1, 3, 4, 4), "spatial"),
        (layers.AttentionGate2D(), (2, 1, 1, 16), "spatial"),
        (Pairs(), (2, 2, 16, 16), "pairwise"),
        (layers.NonLocal2D(), (2, 1, 8, 8), "pairwise"),
        (
            keras.layers.MultiHeadAttention(1, 4),
            (2, 1, 16, 16),
            "pairwise",
        ),
        (keras.layers.Attention(), (2, 16, 16), "pairwise"),
        (None, (2, 1, 1, 16), "channel"),
        (None, (2, 1, 4, 4), "spatial"),
        (None, (2, 1, 3, 4, 4), "spatial"),
        (None, (2, 9, 9), "pairwise"),
    ],
)
def test_layers_say_what_their_weights_run_over(layer, shape, kind):
    assert weights_kind(layer, shape) == kind


class Gate(keras.layers.Layer):
    def call(self, x):
        weights = keras.ops.sigmoid(keras.ops.mean(x, -1))
        record_attention(self, keras.ops.expand_dims(weights, 1))
        return x

    def compute_output_shape(self, shape):
        return shape


@not_on_jax
def test_layers_are_found_by_their_place_in_the_model():
    inner_input = keras.Input((2, 6, 8))
    inner = keras.Model(
        inner_input,
        layers.SqueezeAndExcite2D(name="se")(inner_input),
        name="inner",
    )
    pool = layers.AttentionPooling2D(name="pool")
    inputs = keras.Input((2, 6, 8))
    x = Gate(name="gate")(inner(inputs))
    model = keras.Model(inputs, pool(x) + pool(inputs))
    _, weights = AttentionExtractor(model).predict_on_batch(
        np.ones((2, 2, 6, 8), "float32")
    )
    assert list(weights_kinds(model, weights).items()) == [
        ("inner/se", "channel"),
        ("gate", "spatial"),
        ("pool", "spatial"),
        ("pool#2", "spatial"),
    ]
