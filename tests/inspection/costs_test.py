"""Costs equal what is counted by hand, and what PyTorch counts."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax
from keras import ops

from keras_attention import VGG16BN
from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import layers
from keras_attention import scores
from keras_attention.inspection import attention_summary
from keras_attention.inspection.costs import Costs
from keras_attention.inspection.costs import count_costs
from keras_attention.inspection.symbolic_inputs import symbolic_inputs
from keras_attention.inspection.trace import trace

# On JAX `attention_summary_test.py` counts.
pytestmark = not_on_jax

HEIGHT, WIDTH, C = 14, 12, 32
N = HEIGHT * WIDTH
FEATURES = (HEIGHT, WIDTH, C)
QUERY_MAP, QUERY_VECTOR = (7, 6, 48), (64,)
R = 4  # rows of a bottleneck


def flops(layer, input_shape=None, batch_size=1):
    return count_costs(layer, input_shape, batch_size).total.flops


def concrete(shapes):
    """Ones in place of tensors without values."""
    return keras.tree.map_structure(
        lambda x: ops.ones(x.shape, x.dtype), shapes
    )


@pytest.mark.parametrize(
    "width", [1 / 32, pytest.param(1, marks=pytest.mark.long)]
)
def test_vgg16_bn_is_the_sum_over_its_layers(width):
    channels, side = 3, 224
    multiply_adds = 0
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        filters = int(filters * width)
        for _ in range(count):
            multiply_adds += side**2 * filters * channels * 9
            channels = filters
        side //= 2
    units = int(4096 * width)
    multiply_adds += 7 * 7 * channels * units + units * units + units * 1000
    model = VGG16BN(
        weights=None, input_shape=(224, 224, 3), width_multiplier=width
    )
    costs = count_costs(model)
    assert costs.total.flops == 2 * multiply_adds
    assert costs.total.parameters == model.count_params()
    if width < 1:
        return
    # torchvision says 15.47 G multiply-adds and 138,365,992 parameters,
    # without the two moving statistics of every normalised channel.
    assert round(multiply_adds / 1e9, 2) == 15.47
    assert costs.total.parameters - 2 * 4224 == 138_365_992


# Multiply-adds, from the equations.
CLOSED_FORMS = {
    # W_1 on the means of all channels, then W_2
    "se": 2 * C * R,
    # the same on means and on maxima
    "cbam_channel": 2 * 2 * C * R,
    # a 7x7 convolution of two maps, mean and maximum, to one
    "cbam_spatial": N * 7 * 7 * 2,
    "cbam": 2 * 2 * C * R + N * 7 * 7 * 2,
    # a convolution of 3 neighbours over the channels
    "eca": 3 * C,
    # W_1 on N keys and W_2 on the query, v . tanh, and the weighted sum
    "attn_pool": N * C * C + C * C + N * C + N * C,
    # W_x on the map, W_g on the deeper map, w . relu
    "gate": N * C * C + 7 * 6 * 48 * C + N * C,
    # query, key, value and output; q . k and w v for every pair
    "mhsa": 4 * N * C**2 + 2 * N**2 * C,
    "nonlocal": 4 * N * C * (C // 2) + 2 * N**2 * (C // 2),
    "sagan": 4 * N * C * (C // 8) + 2 * N**2 * (C // 8),
    # query and key of an eighth of the channels, and a value; pairs of
    # positions, and of channels
    "dual": N * C * (2 * (C // 8) + C) + N**2 * (C // 8 + C) + 2 * N * C**2,
    # a row and a column in place of all
    "criss_cross": N * C * (2 * (C // 8) + C)
    + N * (HEIGHT + WIDTH) * (C // 8 + C),
    # a convolution to all but 2 channels; 2 heads of 20 channels for query and
    # key and of one for the value; all pairs, and each row and column
    "aa_conv": 9 * N * C * (C - 2)
    + N * C * (2 * 40 + 2)
    + N * 2**2
    + N**2 * (40 + 2)
    + N * 40 * (HEIGHT + WIDTH),
    # as mhsa, with one query of 64 channels, which are the size of its heads
    "cross": 2 * 64 * 64 + 2 * N * C * 64 + 2 * N * 64,
}


def attention_case(key):
    layer = layers.get(key)
    if key in ("se", "cbam_channel", "cbam"):
        layer = layers.get(key, reduction_ratio=C // R)
    if key == "sagan":  # its norms are once a call, whatever the batch
        layer = layers.get(key, spectral_normalization=False)
    query = {"gate": QUERY_MAP, "cross": QUERY_VECTOR}.get(key)
    return layer, {"features": FEATURES, "query": query} if query else FEATURES


@pytest.mark.parametrize("key", layers.available())
def test_attention_layers_have_their_closed_form(key):
    layer, shapes = attention_case(key)
    assert flops(layer, shapes) == 2 * CLOSED_FORMS[key]
    assert flops(layer, shapes, batch_size=3) >= 2 * 2 * CLOSED_FORMS[key]


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (keras.layers.Dense(5), (7, 3), 7 * 3 * 5),
        (keras.layers.Conv2D(4, 3), (8, 8, 3), 6 * 6 * 4 * 9 * 3),
        (keras.layers.Conv2D(4, 3, 2, "same"), (8, 8, 3), 4 * 4 * 4 * 9 * 3),
        (keras.layers.Conv2D(6, 3, groups=3), (8, 8, 3), 6 * 6 * 6 * 9),
        (keras.layers.Conv2D(4, 3, dilation_rate=2), (8, 8, 3), 16 * 4 * 27),
        (keras.layers.DepthwiseConv2D(3), (8, 8, 3), 6 * 6 * 3 * 9),
        (
            keras.layers.SeparableConv2D(4, 3, depth_multiplier=2),
            (8, 8, 3),
            6 * 6 * (3 * 2 * 9 + 6 * 4),
        ),
        (
            keras.layers.Conv2DTranspose(4, 3, strides=2),
            (8, 8, 3),
            8 * 8 * 4 * 9 * 3,
        ),
        (keras.layers.Conv1D(4, 3), (8, 3), 6 * 4 * 3 * 3),
        (keras.layers.Conv3D(4, 3), (5, 5, 5, 2), 27 * 4 * 27 * 2),
        (keras.layers.EinsumDense("abc,cd->abd", (5, 4)), (5, 3), 5 * 3 * 4),
        (keras.layers.LSTM(8), (5, 3), 5 * 4 * (3 * 8 + 8 * 8)),
        (keras.layers.GRU(8), (5, 3), 5 * 3 * (3 * 8 + 8 * 8)),
        (
            keras.layers.Bidirectional(keras.layers.LSTM(8)),
            (5, 3),
            2 * 5 * 4 * (3 * 8 + 8 * 8),
        ),
        (keras.layers.TimeDistributed(keras.layers.Dense(4)), (5, 3), 60),
        (keras.layers.BatchNormalization(), (8, 8, 3), 0),
        (keras.layers.MaxPooling2D(2), (8, 8, 3), 0),
        (keras.layers.UpSampling2D(2), (8, 8, 3), 0),
        (keras.layers.Rescaling(1 / 255), (8, 8, 3), 0),
        (keras.layers.AdditiveAttention(), [(5, 8), (7, 8)], 5 * 7 * 8),
        (keras.layers.PReLU(), (4,), 0),
        (keras.layers.Dense(5, activation="mish"), (3,), 15),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layers_of_keras(layer, shape, multiply_adds):
    assert flops(layer, shape) == 2 * multiply_adds


def test_stock_multi_head_attention_with_values_of_another_size():
    layer = keras.layers.MultiHeadAttention(2, 4, value_dim=6)
    queries, keys, channels = 5, 7, 8
    expected = (
        queries * channels * 8  # queries, 2 heads of 4
        + keys * channels * (8 + 12)  # keys and values
        + queries * keys * (8 + 12)
        + queries * 12 * channels
    )
    shapes = {"query": (queries, channels), "value": (keys, channels)}
    assert flops(layer, shapes) == 2 * expected


class Compute(keras.layers.Layer):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


@pytest.mark.parametrize(
    ("equation", "shapes", "multiply_adds"),
    [
        ("bij,bjk->bik", [(3, 4), (4, 5)], 3 * 4 * 5),
        ("bij,bkj->bik", [(3, 4), (5, 4)], 3 * 4 * 5),
        ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        ("bij,cjk", [(3, 4), (4, 5)], 3 * 4 * 5),
        ("b...i,bi->b...", [(2, 3, 4), (4,)], 2 * 3 * 4),
        ("bi,bi->b", [(4,), (4,)], 4),
        # nothing is summed over a product: element-wise
        ("bhc,bc->bhc", [(3, 4), (4,)], 0),
        # what one has alone is summed before
        ("bij,bk->bk", [(3, 4), (5,)], 0),
        # pair by pair, from the left
        ("bij,bjk,bkl->bil", [(2, 3), (3, 4), (4, 5)], 24 + 40),
        ("bij->bji", [(3, 4)], 0),
    ],
)
def test_einsum(equation, shapes, multiply_adds):
    layer = Compute(lambda xs: ops.einsum(equation, *xs))
    assert flops(layer, shapes) == 2 * multiply_adds


@pytest.mark.parametrize(
    ("function", "multiply_adds"),
    [
        (lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), 4 * 4 * 6),
        (lambda x: x @ ops.ones((6, 5)), 4 * 6 * 5),
        (lambda x: ops.dot(x, ops.ones((6, 5))), 4 * 6 * 5),
        (lambda x: ops.tensordot(x, ops.ones((6, 5)), 1), 4 * 6 * 5),
        (lambda x: ops.tensordot(x, ops.ones((6, 4)), ((2, 1), (0, 1))), 24),
        pytest.param(
            lambda x: ops.inner(x, ops.ones((5, 6))),
            4 * 6 * 5,
            marks=pytest.mark.skipif(
                keras.backend.backend() == "tensorflow",
                reason="Keras' inner takes vectors only there",
            ),
        ),
        (lambda x: ops.multiply(x, x), 0),
    ],
)
def test_products(function, multiply_adds):
    assert flops(Compute(function), (4, 6)) == 2 * multiply_adds


def test_shared_layers_cost_weights_once_and_operations_twice():
    dense = keras.layers.Dense(6, name="dense")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, dense(dense(inputs)))
    assert count_costs(model).layers == {
        model.layers[0].name: Costs(0, 0, 0),
        # y = W x + b, twice: a product and a sum of 6 numbers each
        "dense": Costs(42, 2 * 72, 2 * (24 + 24)),
    }
    assert count_costs(model).total == Costs(42, 144, 96)


def test_one_layer_at_two_paths():
    shared = keras.layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    left = keras.Model(inputs, shared(inputs), name="left")
    right = keras.Model(inputs, shared(inputs), name="right")
    model = keras.Model(inputs, [left(inputs), right(right(inputs))])
    costs = count_costs(model)
    assert costs.layers["left/shared"].flops == 32
    assert costs.layers["right/shared"].flops == 64
    assert costs.layers["right"].flops == 64
    assert costs.total.parameters == 20


def test_bytes_are_those_of_what_operations_make():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=False, name="conv")(inputs)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(inputs, x)
    costs = count_costs(model, batch_size=5)
    made = 5 * 6 * 6 * 4 * 4
    assert costs.layers["conv"].activation_bytes == made
    assert costs.layers["relu"].activation_bytes == made
    assert costs.layers["flatten"].activation_bytes == 0
    assert costs.total.activation_bytes == 2 * made


def test_half_precision_takes_half_the_memory():
    def layer(dtype):
        return keras.layers.Dense(64, use_bias=False, dtype=dtype)

    full, half = (
        count_costs(layer(dtype), (64,)).total
        for dtype in ("float32", "mixed_bfloat16")
    )
    assert half.activation_bytes * 2 == full.activation_bytes
    assert half.flops == full.flops


def test_unknown_sizes_need_an_input_shape():
    model = VGG16BNAttention(
        {"block3": "gate"},
        input_shape=(None, None, 3),
        classes=2,
        width_multiplier=0.125,
    )
    with pytest.raises(ValueError, match=r"input_shape.*\(None, None, 3\)"):
        count_costs(model)
    small, large = (flops(model, (size, size, 3)) for size in (64, 128))
    assert 3.9 < large / small < 4.1
    fixed = VGG16BNAttention(
        {"block3": "gate"},
        input_shape=(64, 64, 3),
        classes=2,
        width_multiplier=0.125,
    )
    assert flops(fixed) == small


def test_several_inputs_as_the_model_takes_them():
    def outputs(a, b):
        return keras.layers.Dense(2)(a), keras.layers.Dense(3)(b)

    a, b = keras.Input((None, 4), name="a"), keras.Input((None, 5), name="b")
    expected = 2 * (6 * 4 * 2 + 7 * 5 * 3)
    as_list = keras.Model([a, b], outputs(a, b))
    assert flops(as_list, [(6, 4), (7, 5)]) == expected
    assert flops(as_list, {"b": (7, 5), "a": (6, 4)}) == expected
    as_dict = keras.Model({"y": a, "x": b}, outputs(a, b))
    assert flops(as_dict, {"y": (6, 4), "x": (7, 5)}) == expected
    for shapes in ([(6, 4)], (6, 4), [(6, 4), (7, 4)], {"y": (6, 4)}):
        with pytest.raises(ValueError, match="does not fit"):
            count_costs(as_dict, shapes)
        with pytest.raises(ValueError, match="does not fit"):
            count_costs(as_list, shapes)


@pytest.mark.parametrize("shape", ["224", (0, 4), (2.5, 4), 7])
def test_shapes_that_are_none(shape):
    with pytest.raises(ValueError, match="input_shape"):
        count_costs(keras.layers.Dense(3), shape)


def test_unbuilt_layers_need_an_input_shape():
    with pytest.raises(ValueError, match="Dense 'layer'.*input_shape"):
        count_costs(keras.layers.Dense(3, name="layer"))
    with pytest.raises(ValueError, match="batch_size"):
        count_costs(keras.layers.Dense(3), (4,), batch_size=0)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(4, 3, name="conv")
        self.branches = [keras.layers.Dense(3, name="dense") for _ in "ab"]

    def call(self, x):
        return [branch(self.conv(x)) for branch in self.branches]


def test_subclassed_models_are_built_and_counted():
    costs = count_costs(Subclassed(), (8, 8, 3))
    assert costs.layers["conv"].flops == 2 * 2 * 36 * 4 * 27
    assert costs.layers["dense_2"].flops == 2 * 36 * 4 * 3


class WeightFirst(keras.layers.Layer):
    """Operators with a weight on the left."""

    def build(self, shape):
        self.w = self.add_weight(shape=(4, 4))

    def call(self, x):
        return (self.w @ x) * 2 + self.w * x + self.w - x


class Penalised(keras.layers.Layer):
    def call(self, x):
        self.add_loss(ops.sum(x))
        return x @ ops.ones((4, 2))


def test_operators_of_weights_and_penalties():
    assert flops(WeightFirst(), (4, 4)) == 2 * 64
    assert flops(Penalised(), (4, 4)) == 2 * 32


class Outside(keras.layers.Layer):
    """Leaves Keras' operations."""

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        return ops.convert_to_tensor(np.asarray(x))


class Loop(Outside):
    def call(self, x):
        return ops.fori_loop(0, 3, lambda _, y: y * 2, x)


@pytest.mark.parametrize(
    ("layer", "why"), [(Outside, "keras.ops"), (Loop, "fori_loop")]
)
def test_what_cannot_be_counted_is_named_and_leaves_nothing_behind(layer, why):
    inner = keras.Sequential([layer(name="culprit")], name="inner")
    model = keras.Sequential([keras.Input((4,)), inner])
    before = keras.Operation.__call__, keras.Operation.symbolic_call
    with pytest.raises(
        ValueError,
        match=f"{layer.__name__} 'culprit' at 'inner/culprit'.*{why}",
    ):
        count_costs(model)
    assert before == (keras.Operation.__call__, keras.Operation.symbolic_call)
    assert keras.KerasTensor((2,)).shape == (2,)
    assert (keras.Variable(np.ones(2)) * 2).shape == (2,)


def test_counting_changes_nothing():
    model = VGG16BNAttention(
        {"block2": "cbam"},
        input_shape=(32, 32, 3),
        classes=2,
        width_multiplier=0.125,
        dropout=0.5,
    )
    images = np.random.default_rng(0).uniform(size=(2, 32, 32, 3))
    expected = model.predict(images, verbose=0)
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    config = model.to_json()
    count_costs(model)
    assert nodes == [len(layer._inbound_nodes) for layer in model.layers]
    assert model.to_json() == config
    np.testing.assert_array_equal(model.predict(images, verbose=0), expected)


def test_shapes_are_those_of_a_real_call():
    for key in layers.available():
        layer, shapes = attention_case(key)
        shapes = symbolic_inputs(layer, shapes, batch_size=2)
        outputs, _ = trace(layer, shapes)
        inputs = concrete(shapes)
        real = layer(**inputs) if isinstance(inputs, dict) else layer(inputs)
        assert outputs.shape == tuple(real.shape)
        assert outputs.dtype == keras.backend.standardize_dtype(real.dtype)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="counts with PyTorch"
)
class TestAgainstPyTorch:
    """The operations that PyTorch counts while it really computes."""

    @staticmethod
    def agrees(model, input_shape=None):
        from torch.nn.attention import SDPBackend
        from torch.nn.attention import sdpa_kernel
        from torch.utils.flop_counter import FlopCounterMode

        ours = flops(model, input_shape)
        inputs = concrete(symbolic_inputs(model, input_shape))
        is_named = isinstance(inputs, dict)
        # Its counter does not know the fused attention of processors.
        with (
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            model(**inputs) if is_named else model(inputs)
        assert ours == counter.get_total_flops() > 0

    @pytest.mark.parametrize("key", layers.available())
    def test_attention_layers(self, key):
        self.agrees(*attention_case(key))

    @pytest.mark.parametrize("score", scores.available())
    def test_scores(self, score):
        layer = layers.AttentionPooling2D(score, num_queries=3)
        self.agrees(layer, FEATURES)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: MelanomaAttentionVGG16BN(
                (64, 64, 3), width_multiplier=0.25
            ),
            lambda: VGG16BN(weights=None, input_shape=(32, 32, 3)),
            lambda: keras.applications.MobileNetV2(
                (64, 64, 3), weights=None, classes=3
            ),
            lambda: keras.applications.ResNet50(
                input_shape=(64, 64, 3), weights=None, classes=3
            ),
            lambda: keras.applications.ConvNeXtTiny(
                input_shape=(64, 64, 3), weights=None, classes=3
            ),
        ],
        ids=["melanoma", "vgg16_bn", "mobilenet", "resnet", "convnext"],
    )
    def test_models(self, make):
        self.agrees(make())

    @pytest.mark.parametrize("cell", ["LSTM", "GRU"])
    def test_recurrence(self, cell):
        self.agrees(getattr(keras.layers, cell)(8), (5, 3))


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.RandomFlip(),
        keras.layers.RandomRotation(0.1),
        keras.layers.RandomZoom(0.1),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomContrast(0.1),
        keras.layers.RandomBrightness(0.1),
        keras.layers.GaussianNoise(0.1),
        keras.layers.Dropout(0.1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_augmentation_inside_the_model(layer):
    def network(*first):
        x = inputs = keras.Input((16, 16, 3))
        for step in first:
            x = step(x)
        x = keras.layers.Conv2D(4, 3)(keras.layers.BatchNormalization()(x))
        x = layers.get("se")(x)
        return keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(x))

    model = network(keras.Sequential([layer]))
    moments = keras.ops.convert_to_numpy(model.layers[2].moving_mean)
    assert count_costs(model).total.flops == count_costs(network()).total.flops
    assert "SqueezeAndExcite2D" in str(attention_summary(model))
    after = keras.ops.convert_to_numpy(model.layers[2].moving_mean)
    np.testing.assert_array_equal(moments, after)


def test_what_is_not_known_is_said():
    class Whiten(keras.layers.Layer):
        def call(self, x):
            return keras.ops.cholesky(keras.ops.matmul(x, x))

    inputs = keras.Input((4, 4))
    model = keras.Model(inputs, Whiten(name="whiten")(inputs))
    costs = count_costs(model)
    assert costs.unknown == ("whiten: Cholesky",)
    assert costs.total.flops == 2 * 4**3
    plain = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    assert count_costs(plain).unknown == ()
