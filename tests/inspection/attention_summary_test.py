"""What attention costs, by path and in all."""

import keras
import pytest
from keras import ops

import keras_attention
from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import layers
from keras_attention import record_attention
from keras_attention.inspection import attention_summary
from keras_attention.inspection.costs import count_costs

pytestmark = pytest.mark.computing


@pytest.fixture(scope="module")
def melanoma():
    return MelanomaAttentionVGG16BN((64, 64, 3), width_multiplier=0.25)


def test_flops_equal_hand_counts(melanoma):
    summary = attention_summary(melanoma)
    # block 3: 8x8 maps of 64 channels, block 4: 4x4 of 128, guided by 2x2 of
    # 128; 64 filters. W_x, W_g, the score and the mean of the gated map.
    gates = [
        64 * 64 * 64 + 4 * 128 * 64 + 64 * 64 + 64 * 64,
        16 * 128 * 64 + 4 * 128 * 64 + 16 * 64 + 16 * 128,
    ]
    assert [row["flops"] for row in summary.rows] == [2 * g for g in gates]
    assert summary.total["flops"] == 2 * sum(gates)
    channels, side, convolutions = 3, 64, 0
    for filters, count in ((16, 2), (32, 2), (64, 3), (128, 3), (128, 3)):
        for _ in range(count):
            convolutions += side**2 * filters * channels * 9
            channels = filters
        side //= 2
    head = (128 + 64 + 128) * 2
    assert summary.model.flops == 2 * (convolutions + sum(gates) + head)
    share = sum(gates) / (convolutions + sum(gates) + head)
    assert summary.total["flops_share"] == pytest.approx(share)


def test_rows_say_what_and_where(melanoma):
    rows = attention_summary(melanoma).rows
    assert [(row["path"], row["layer"], row["kind"]) for row in rows] == [
        ("block3_pool_gate", "AttentionGate2D", "spatial"),
        ("block4_pool_gate", "AttentionGate2D", "spatial"),
    ]
    assert [row["map"] for row in rows] == [(8, 8, 64), (4, 4, 128)]
    assert [row["weights"] for row in rows] == [[(1, 8, 8)], [(1, 4, 4)]]
    gate = melanoma.get_layer("block3_pool_gate")
    assert rows[0]["parameters"] == gate.count_params()


def test_numbers_are_those_of_count_costs(melanoma):
    summary = attention_summary(melanoma, batch_size=3)
    costs = count_costs(melanoma, batch_size=3)
    assert summary.model == costs.total
    for row in summary.rows:
        own = costs.layers[row["path"]]
        assert row["activation_bytes"] == own.activation_bytes
        share = own.activation_bytes / costs.total.activation_bytes
        assert row["memory_share"] == share


def test_text_and_html(melanoma):
    summary = attention_summary(melanoma)
    text = str(summary)
    for expected in ("block3_pool_gate", "8 x 8 x 64", "1 x 8 x 8", "model"):
        assert expected in text and expected in summary._repr_html_()
    assert "64 x 64 x 3" in text.splitlines()[0]
    header, rule, *rows = text.splitlines()[2:]
    assert {len(rule), len(header)} == {len(row) for row in rows[:1]}
    assert [row.split()[0] for row in rows] == [
        "block3_pool_gate",
        "block4_pool_gate",
        "all",
        "model",
    ]


def test_parts_of_attention_count_once():
    model = VGG16BNAttention(
        {"block3": layers.get("cbam", identity_init=True)},
        input_shape=(32, 32, 3),
        classes=2,
        width_multiplier=0.25,
    )
    summary = attention_summary(model)
    assert [row["path"] for row in summary.rows] == [
        "block3_pool_cbam/channel",
        "block3_pool_cbam/spatial",
    ]
    whole = count_costs(model).layers["block3_pool_cbam"]
    # With the gain, which belongs to neither part.
    assert summary.total["parameters"] == whole.parameters
    assert whole.parameters == 1 + sum(r["parameters"] for r in summary.rows)


class Gate(keras.layers.Layer):
    def call(self, x):
        weights = ops.sigmoid(ops.mean(x, -1))
        record_attention(self, ops.expand_dims(weights, 1))
        return x * ops.expand_dims(weights, -1)


def test_layers_of_keras_and_of_others():
    inputs = keras.Input((6, 6, 4))
    x = Gate(name="own")(inputs)
    x = keras.layers.Reshape((36, 4))(x)
    x = keras.layers.MultiHeadAttention(2, 3, name="stock")(x, x)
    summary = attention_summary(keras.Model(inputs, x))
    own, stock = summary.rows
    assert own["kind"] == "spatial" and own["weights"] == [(1, 6, 6)]
    assert stock["kind"] == "pairwise" and stock["weights"] == [(2, 36, 36)]
    # Query, key, value and output; products of all pairs. Not those that an
    # extractor computes to see the weights.
    assert stock["flops"] == 2 * (4 * 36 * 4 * 6 + 2 * 36 * 36 * 6)


def test_shared_layers_have_one_row_with_both_weights():
    layer = layers.get("nonlocal", name="shared")
    inputs = keras.Input((6, 6, 4))
    x = keras.layers.MaxPooling2D(2)(layer(inputs))
    summary = attention_summary(keras.Model(inputs, layer(x)))
    (row,) = summary.rows
    assert row["weights"] == [(1, 36, 36), (1, 9, 9)]
    assert row["parameters"] == layer.count_params()


def test_nested_models():
    inputs = keras.Input((6, 6, 4))
    x = layers.get("se", name="se")(inputs)
    inner = keras.Model(inputs, x, name="inner")
    summary = attention_summary(keras.Model(inputs, inner(inputs)))
    assert [row["path"] for row in summary.rows] == ["inner/se"]


def test_every_image_of_a_sequence():
    gate = layers.get("se", reduction_ratio=2, name="se")
    inputs = keras.Input((5, 6, 6, 4))
    outputs = keras.layers.TimeDistributed(gate, name="each")(inputs)
    (row,) = attention_summary(keras.Model(inputs, outputs)).rows
    assert row["path"] == "each/se" and row["map"] == (6, 6, 4)
    assert row["flops"] == 2 * 5 * 2 * 4 * 2


class PastKeras(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gate = Gate(name="gate")

    def call(self, x):
        return self.gate.call(x)


def test_a_layer_that_is_not_called_itself():
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, PastKeras()(inputs))
    with pytest.raises(ValueError, match=r"gate' cannot be told apart"):
        attention_summary(model)


def test_pairwise_weights_that_do_not_fit():
    inputs = keras.Input((16, 16, 4))
    model = keras.Model(inputs, layers.get("mhsa", name="mhsa")(inputs))
    needed = 2 * 32 * 4 * 256**2 * 4  # weights and gradients in float32
    summary = attention_summary(model, batch_size=32, memory_limit=needed)
    assert summary.notes == []
    summary = attention_summary(model, batch_size=32, memory_limit=needed - 1)
    (note,) = summary.notes
    assert note.startswith("Warning") and "mhsa: 67.1 MB" in note
    assert "32 images" in note
    assert str(summary).endswith(note) and "Warning" in summary._repr_html_()
    # This machine has more than 2 MB.
    assert attention_summary(model).notes == []


def test_without_attention():
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3)(inputs), name="plain")
    summary = attention_summary(model)
    assert summary.rows == [] and summary.total["flops"] == 0
    assert str(summary).startswith("No attention layer in Functional 'plain'")
    assert "No attention layer" in summary._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "vgg"}, "model: expected a keras.Model"),
        ({"memory_limit": 0}, "memory_limit"),
        ({"batch_size": 0}, "batch_size"),
        ({"input_shape": (8, 8, 3)}, "does not fit"),
    ],
)
def test_arguments(arguments, message):
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, layers.get("se")(inputs))
    with pytest.raises(ValueError, match=message):
        attention_summary(**{"model": model, **arguments})


def test_public_name():
    assert keras_attention.attention_summary is attention_summary
