import itertools
from functools import partial

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import layers
from keras_attention.exporting.runtimes import load_litert
from keras_attention.exporting.runtimes import load_onnx
from keras_attention.exporting.runtimes import load_saved_model
from keras_attention.inspection import AttentionExtractor
from keras_attention.testing import attention_layer_checks
from keras_attention.testing import check_attention_layer
from keras_attention.testing.subject import Subject

SHAPE = (2, 6, 5, 8)
SUMS_TO_ONE = {"normalized_axes": (-2, -1)}
OVER_KEYS = {"normalized_axes": (-1,)}
# Products divided by the number of positions have no bound.
UNBOUNDED = {"skip": ["weights", "extreme_inputs"]}
pool = partial(partial, layers.AttentionPooling2D)
gate = partial(partial, layers.AttentionGate2D)

SUBJECTS = {
    "se": (
        partial(layers.SqueezeAndExcite2D, reduction_ratio=4),
        {},
    ),
    "se_without_bias": (
        partial(
            layers.SqueezeAndExcite2D,
            hidden_dim=3,
            use_bias=False,
            activation="tanh",
        ),
        {},
    ),
    "eca": (layers.EfficientChannelAttention2D, {}),
    "eca_circular": (
        partial(
            layers.EfficientChannelAttention2D,
            kernel_size=5,
            padding="circular",
        ),
        {},
    ),
    "cbam_channel": (partial(layers.ChannelAttention2D, reduction_ratio=4), {}),
    "cbam_channel_without_bias": (
        partial(
            layers.ChannelAttention2D,
            hidden_dim=3,
            use_bias=False,
            activation="tanh",
        ),
        {},
    ),
    "cbam_spatial": (layers.SpatialAttention2D, {}),
    "cbam_spatial_plain": (
        partial(layers.SpatialAttention2D, kernel_size=3, normalization=None),
        {},
    ),
    "cbam": (
        partial(layers.ConvolutionalBlockAttention2D, reduction_ratio=4),
        {},
    ),
    "cbam_residual": (
        partial(
            layers.ConvolutionalBlockAttention2D,
            hidden_dim=3,
            use_bias=False,
            kernel_size=3,
            normalization=None,
            order="spatial_first",
            residual=True,
        ),
        {},
    ),
    "gate": (gate(key_dim=6), {"query_shape": (2, 3, 2, 12)}),
    "gate_softmax": (
        gate(alignment="softmax", use_bias=True),
        {
            "query_shape": (2, 3, 2, 12),
            # A softmax does not change with a bias of all its scores.
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_mean": (
        gate(key_dim=6, aggregation="gated_mean"),
        {"query_shape": (2, 6, 5, 4)},
    ),
    "gate_sum": (
        gate(key_dim=6, alignment="softmax", aggregation="weighted_sum"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_published": (
        gate(use_bias=True, sub_sample=2, output_projection=True),
        {"query_shape": (2, 3, 2, 12)},
    ),
    "gate_windows_softmax": (
        gate(key_dim=6, alignment="softmax", sub_sample=3),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "nonlocal": (
        partial(layers.NonLocal2D),
        # Rows sum to 1, so this bias is one for all, which BN subtracts.
        {"zero_gradient": ["value/bias"], **OVER_KEYS},
    ),
    "nonlocal_gaussian": (
        partial(
            layers.NonLocal2D,
            mode="gaussian",
            key_dim=3,
            scaled_by="key_dim",
            sub_sample=True,
            normalization=None,
        ),
        OVER_KEYS,
    ),
    "nonlocal_dot": (
        partial(layers.NonLocal2D, mode="dot_product", scaled_by="channels"),
        UNBOUNDED,
    ),
    "nonlocal_concatenation": (
        partial(
            layers.NonLocal2D,
            mode="concatenation",
            sub_sample=True,
            residual=False,
            use_bias=False,
        ),
        UNBOUNDED,
    ),
    "sagan": (
        partial(layers.GenerativeAttention2D, reduction_ratio=4),
        OVER_KEYS,
    ),
    "sagan_official": (
        partial(
            layers.GenerativeAttention2D,
            variant="official",
            reduction_ratio=4,
            spectral_normalization=False,
        ),
        OVER_KEYS,
    ),
    "dual": (layers.DualAttention2D, OVER_KEYS),
    "dual_without_bias": (
        partial(layers.DualAttention2D, key_dim=3, use_bias=False),
        OVER_KEYS,
    ),
    "criss_cross": (layers.CrissCrossAttention2D, OVER_KEYS),
    "mhsa": (
        partial(layers.MultiHeadSelfAttention2D, num_heads=2, dropout=0.1),
        OVER_KEYS,
    ),
    "mhsa_dims": (
        partial(
            layers.MultiHeadSelfAttention2D,
            num_heads=3,
            key_dim=2,
            value_dim=5,
            use_bias=False,
        ),
        OVER_KEYS,
    ),
    "mhsa_positions": (
        partial(
            layers.MultiHeadSelfAttention2D,
            num_heads=2,
            relative_positions=True,
            output_projection=False,
        ),
        {"fixed_size": True, **OVER_KEYS},
    ),
    "aa_conv": (
        partial(layers.AttentionAugmentedConv2D, num_heads=2),
        {"fixed_size": True, **OVER_KEYS},
    ),
    "mhsa_additive_sigmoid": (
        partial(
            layers.MultiHeadSelfAttention2D,
            num_heads=2,
            score="additive",
            alignment="sigmoid",
            relative_positions=True,
        ),
        {"fixed_size": True},
    ),
    "cross_general_entmax15": (
        partial(
            layers.CrossAttention2D,
            num_heads=2,
            score="general",
            alignment="entmax15",
        ),
        {"query_shape": (2, 3, 8), **SUMS_TO_ONE},
    ),
    "cross": (
        partial(layers.CrossAttention2D, num_heads=2, key_dim=3, dropout=0.1),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "cross_queries": (
        partial(
            layers.CrossAttention2D, num_heads=2, output_dim=5, value_dim=4
        ),
        {"query_shape": (2, 3, 8), **SUMS_TO_ONE},
    ),
    "pool_dot_softmax": (pool(score="dot"), SUMS_TO_ONE),
    "pool_scaled_dot_heads": (
        pool(score="scaled_dot", num_heads=2, key_dim=3),
        SUMS_TO_ONE,
    ),
    "pool_additive_query": (
        pool(score="additive", key_dim=4, dropout=0.1),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "pool_dot_queries": (
        pool(score="dot", key_dim=4, num_heads=2),
        {"query_shape": (2, 3, 7), **SUMS_TO_ONE},
    ),
    "pool_additive_classes": (
        pool(num_queries=3, num_heads=2),
        SUMS_TO_ONE,
    ),
    "pool_dot_sigmoid": (
        pool(score="dot", alignment="sigmoid", aggregation="gated_mean"),
        {},
    ),
    "pool_scaled_dot_sigmoid": (
        pool(score="scaled_dot", alignment="sigmoid", num_queries=2),
        {},
    ),
    "pool_additive_sigmoid": (
        pool(alignment="sigmoid", aggregation="gated_mean"),
        {},
    ),
    "pool_general_sparsemax": (
        pool(score="general", alignment="sparsemax", num_heads=2),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "pool_general_hard": (
        pool(score="general", alignment="hard", key_dim=3, num_queries=2),
        SUMS_TO_ONE,
    ),
    "pool_cosine_entmax15": (
        pool(score="cosine", alignment="entmax15", key_dim=4),
        {"query_shape": (2, 3, 7), **SUMS_TO_ONE},
    ),
    "pool_location": (
        pool(score="location", num_heads=2, num_queries=2),
        {"fixed_size": True, **SUMS_TO_ONE},
    ),
    "pool_location_sigmoid": (
        pool(
            score="location",
            alignment="sigmoid",
            aggregation="gated_mean",
            key_dim=3,
        ),
        {"query_shape": (2, 7), "fixed_size": True},
    ),
    "pool_parametrized_sigmoid": (
        pool(
            score="parametrized",
            alignment="sigmoid",
            aggregation="gated_mean",
            key_dim=3,
        ),
        {"query_shape": (2, 7)},
    ),
    "pool_parametrized_softmax": (
        pool(score="parametrized", num_heads=2),
        # Competing positions do not see what is added to all their scores.
        {"zero_gradient": ["query"], **SUMS_TO_ONE},
    ),
    "pool_multi_map": (
        pool(score="dot", aggregation="multi_map", num_heads=2, num_queries=3),
        SUMS_TO_ONE,
    ),
    "pool_merge_heads": (
        pool(score="general", aggregation="merge_heads", num_heads=2),
        {"query_shape": (2, 3, 7), **SUMS_TO_ONE},
    ),
    "pool_concat_query": (
        pool(aggregation="concat_query", key_dim=3),
        {"query_shape": (2, 7), **SUMS_TO_ONE},
    ),
    "pool_concat_learned": (
        pool(score="dot", aggregation="concat_query", num_queries=2),
        SUMS_TO_ONE,
    ),
    "gate_entmax15": (
        gate(key_dim=6, alignment="entmax15", aggregation="weighted_sum"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_sparsemax": (
        gate(key_dim=6, alignment="sparsemax"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
    "gate_hard": (
        gate(key_dim=6, alignment="hard"),
        {
            "query_shape": (2, 3, 2, 12),
            "zero_gradient": ["score/bias"],
            **SUMS_TO_ONE,
        },
    ),
}
#: One configuration of each layer, which keeps every promise by itself.
CANONICAL = (
    "se",
    "eca",
    "cbam_channel",
    "cbam_spatial",
    "cbam",
    "gate",
    "nonlocal",
    "sagan",
    "dual",
    "criss_cross",
    "mhsa",
    "aa_conv",
    "cross_queries",
    "pool_additive_query",
)
#: Beside them, what computes otherwise: these go into one model, of which is
#: asked what costs a compilation.
COMPILED = (
    *CANONICAL,
    "nonlocal_gaussian",
    "mhsa_additive_sigmoid",
    "cross_general_entmax15",
    "pool_general_sparsemax",
    "pool_location",
    "pool_multi_map",
    "gate_hard",
    "gate_published",
)
if keras.backend.backend() == "jax":
    # It compiles whatever it trains: each check of `training` has been there.
    COMPILED = CANONICAL
#: Every TensorFlow operation of those is in one of these: `make test` exports
#: them and compiles them with XLA, `make test-long` all.
TRANSLATED = (
    "cbam_spatial",
    "criss_cross",
    "nonlocal_gaussian",
    "mhsa_additive_sigmoid",
    "cross_general_entmax15",
    "pool_location",
    "gate_hard",
)
EXPORTS = ("saved_model", "onnx", "litert")
#: Keras' part in a layer, which is the same on every backend.
PLUMBING = (
    "registration",
    "serialization",
    "quantization",
    "config",
    "channels",
    "policies",
    "specs",
    "time_distributed",
    "errors",
    # Elsewhere every size is known when it matters.
    "dynamic_sizes",
)
IN_ONE_MODEL = ("compiled", "jit", "compiled_inspection", *EXPORTS)
#: What is quick, and breaks with an argument that is used wrongly. That what is
#: in the config is saved is asked of each layer once.
QUICK = (
    "config",
    "weights",
    "masking",
    "training",
)


def cases():
    """Every check of every subject; all but a choice of them are `long`."""
    for subject, (_, arguments) in SUBJECTS.items():
        for check in attention_layer_checks():
            if check in arguments.get("skip", ()):
                continue
            marks = [] if check in PLUMBING else [pytest.mark.computing]
            if check == "masked_training" or (
                check == "identity" and subject != "se"
            ):
                marks = [not_on_jax]
            if check == "jit":
                marks.append(pytest.mark.jit)
            if check in IN_ONE_MODEL or subject not in CANONICAL:
                marks.append(pytest.mark.long)
            yield pytest.param(
                subject, check, marks=marks, id=f"{subject}-{check}"
            )


@pytest.mark.parametrize(("subject", "check"), cases())
def test_layer_keeps_its_promises(subject, check):
    factory, arguments = SUBJECTS[subject]
    results = check_attention_layer(factory, SHAPE, checks=[check], **arguments)
    assert list(results) == [check]


@pytest.mark.parametrize("subject", sorted({*SUBJECTS} - {*CANONICAL}))
def test_every_configuration_keeps_the_quick_promises(subject):
    factory, arguments = SUBJECTS[subject]
    skipped = arguments.get("skip", ())
    quick = [check for check in QUICK if check not in skipped]
    results = check_attention_layer(factory, SHAPE, checks=quick, **arguments)
    assert list(results) == quick


def test_every_layer_is_checked():
    checked = [type(SUBJECTS[subject][0]()) for subject in CANONICAL]
    known = [type(layers.get(key)) for key in layers.available()]
    assert len(set(checked)) == len(checked) and {*checked} == {*known}


class AllInOne:
    """A model of many subjects, with maps of any size where a layer can."""

    def __init__(self, names):
        keras.utils.set_random_seed(0)
        self.layers, self.given, self.subjects = {}, {}, {}
        inputs, outputs = {}, {}
        for name in names:
            factory, arguments = SUBJECTS[name]
            arguments = {k: v for k, v in arguments.items() if k != "skip"}
            subject = Subject(factory, SHAPE, **arguments)
            shapes = [
                (None, None, shape[-1])
                if len(shape) == 4 and not subject.fixed_size
                else shape[1:]
                for shape in subject.shapes()
            ]
            for shape in shapes:
                inputs.setdefault(shape, keras.Input(shape))
            layer = subject.built()
            outputs[name] = layer(*[inputs[shape] for shape in shapes])
            self.layers[name] = layer
            self.given[name] = shapes
            self.subjects[name] = subject
        self.model = keras.Model(list(inputs.values()), outputs)
        self.shapes = list(inputs)

    def arrays(self, height=1):
        """An array an input; maps of free size are as often as high."""
        found = {}
        for name, subject in self.subjects.items():
            factor = 1 if subject.fixed_size else height
            arrays = subject.inputs(height=factor)
            found.update(zip(self.given[name], arrays, strict=True))
        return [found[shape] for shape in self.shapes]

    def expected(self, arrays):
        """By subject, what its layer gives outside of the model."""
        found = dict(zip(self.shapes, arrays, strict=True))
        return {
            name: keras.ops.convert_to_numpy(
                layer(*[found[shape] for shape in self.given[name]])
            )
            for name, layer in self.layers.items()
        }


@pytest.fixture(scope="module")
def all_in_one():
    return AllInOne(COMPILED)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(TRANSLATED, id="choice"),
        pytest.param(COMPILED, marks=pytest.mark.long, id="all"),
    ],
)
def translated(request):
    return AllInOne(request.param)


needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="exports are checked on TensorFlow",
)


def assert_close(seen, expected, tolerance=1e-5):
    """Compares relative to the largest entry, as the checks do."""
    assert set(seen) == set(expected)
    for name, array in expected.items():
        scale = max(1.0, np.abs(array).max())
        np.testing.assert_allclose(
            seen[name], array, rtol=0, atol=tolerance * scale, err_msg=name
        )


@needs_tensorflow
@pytest.mark.parametrize(
    "file_format",
    # A SavedModel holds Keras' own operations.
    [pytest.param("saved_model", marks=pytest.mark.long), "onnx", "litert"],
)
def test_layers_export_in_one_model(translated, file_format, tmp_path):
    name, load = {
        "saved_model": ("exported", load_saved_model),
        "onnx": ("exported.onnx", load_onnx),
        "litert": ("exported.tflite", load_litert),
    }[file_format]
    translated.model(translated.arrays())
    translated.model.export(
        tmp_path / name,
        format=file_format.replace("saved", "tf_saved"),
        verbose=False,
    )
    serve = load(tmp_path / name)
    for height in (1, 2):
        arrays = translated.arrays(height)
        assert_close(serve(arrays), translated.expected(arrays))


def operations(model):
    """The names of what TensorFlow computes the model with."""
    import tensorflow as tf

    called = tf.function(model).get_concrete_function(
        [tf.TensorSpec(x.shape, x.dtype) for x in model.inputs]
    )
    graph = called.graph.as_graph_def()
    nodes = [graph.node, *(f.node_def for f in graph.library.function)]
    return {node.op for node in itertools.chain(*nodes)}


@needs_tensorflow
@pytest.mark.long
def test_every_operation_is_translated(all_in_one):
    chosen = AllInOne(TRANSLATED)
    assert operations(all_in_one.model) == operations(chosen.model)


@pytest.mark.computing
@pytest.mark.jit
def test_layers_compile_with_xla_in_one_model(translated):
    arrays = translated.arrays()
    translated.model.compile(jit_compile=True)
    outputs = translated.model.predict(arrays, verbose=0)
    assert_close(outputs, translated.expected(arrays))


@pytest.mark.computing
def test_all_layers_compile_in_one_model(all_in_one):
    arrays = all_in_one.arrays()
    model = all_in_one.model
    model.compile()
    outputs = model.predict(arrays, verbose=0)
    assert_close(outputs, all_in_one.expected(arrays))
    recorded, maps = AttentionExtractor(model).predict(arrays, verbose=0)
    assert {name.split("/")[0] for name in maps} == {
        layer.name for layer in all_in_one.layers.values()
    }
    # Compiled anew, sums may be taken in another order.
    assert_close(recorded, outputs, tolerance=1e-6)
