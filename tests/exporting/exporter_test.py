import json

import keras
import numpy as np
import pytest
from choice import first
from keras import ops

import keras_attention
from keras_attention import VGG16BNAttention
from keras_attention import layers
from keras_attention.exporting.runtimes import LOADERS
from keras_attention.inspection import AttentionExtractor

BACKEND = keras.backend.backend()
SUFFIX = {"saved_model": "", "onnx": ".onnx", "litert": ".tflite"}
# What the backend writes.
FORMATS = {
    "tensorflow": ["saved_model", "onnx", "litert"],
    "jax": ["saved_model"],
    "torch": ["onnx"],
}[BACKEND]
# Of the whole network; all layers in every format are in conformance_test.py.
QUICK = "onnx" if "onnx" in FORMATS else FORMATS[0]
#: A SavedModel has Keras' own operations: of details it is not asked twice.
TRANSLATED = [*FORMATS]
if BACKEND == "tensorflow":
    TRANSLATED[0] = pytest.param("saved_model", marks=pytest.mark.long)
QUANTIZED = [name for name in FORMATS if name != "saved_model"]
needs_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="the TensorFlow backend writes it"
)
pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="no exports"
)


def exported(model, folder, format=FORMATS[0], **options):
    path = folder / f"exported{SUFFIX[format]}"
    options.setdefault("preprocessing", (0, 1))
    report = keras_attention.export(model, path, format, **options)
    return report, LOADERS[format](path)


def in_keras(model, images):
    images = ops.convert_to_tensor(images)
    return ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize(
    "format",
    [
        pytest.param(f, marks=[] if f == QUICK else [pytest.mark.long])
        for f in FORMATS
    ],
)
def test_answers_and_maps_are_those_of_keras(format, tmp_path, randomised):
    model = randomised(
        VGG16BNAttention(
            {
                "block3": layers.get("se", reduction_ratio=4),
                "block4": "gate",
                "block5": "cbam",
            },
            input_shape=(32, 32, 3),
            classes=3,
            width_multiplier=0.125,
            classifier_activation=None,
        )
    )
    images = np.random.default_rng(1).integers(
        0, 256, (3, 32, 32, 3), dtype="uint8"
    )
    report, run = exported(model, tmp_path, format)
    seen = run([images])
    answers, weights = AttentionExtractor(model)(
        ops.convert_to_tensor(images.astype("float32") / 255)
    )
    expected = {
        "logits": answers,
        "block3_pool_se": weights["block3_pool_se"],
        "block4_pool_gate": weights["block4_pool_gate"],
        "block5_pool_cbam_channel": weights["block5_pool_cbam/channel"],
        "block5_pool_cbam_spatial": weights["block5_pool_cbam/spatial"],
    }
    assert set(seen) == set(report.paths) == set(expected)
    assert report.paths["block5_pool_cbam_channel"] == (
        "block5_pool_cbam/channel"
    )
    for name, tensor in expected.items():
        tensor = ops.convert_to_numpy(tensor)
        np.testing.assert_allclose(seen[name], tensor, atol=1e-4, err_msg=name)
        assert seen[name].dtype == np.float32
    assert report.difference < 1e-4
    assert report.difference == max(report.differences.values())


@pytest.mark.skipif("saved_model" not in FORMATS, reason="not written here")
def test_saved_model_has_a_signature_for_servers(
    tmp_path, images, small_network
):
    import tensorflow as tf

    report, _ = exported(small_network(), tmp_path, "saved_model")
    loaded = tf.saved_model.load(report.path)
    signature = loaded.signatures["serving_default"]
    (arguments,) = signature.structured_input_signature[1].values()
    assert arguments.name == "images"
    assert arguments.dtype == tf.uint8
    assert arguments.shape.as_list() == [None, 16, 16, 3]
    assert set(signature.structured_outputs) == {
        "predictions",
        "channels",
        "places",
    }
    for count in (1, 5):
        answers = signature(images=tf.constant(images[:count]))
        assert answers["predictions"].shape == (count, 3)
        np.testing.assert_allclose(
            np.sum(answers["predictions"], -1), 1, atol=1e-5
        )


@needs_tensorflow
@pytest.mark.parametrize("format", FORMATS)
def test_sizes_stay_free(format, tmp_path, small_network):
    model = small_network((None, None, 3))
    report, run = exported(model, tmp_path, format)
    assert report.images["shape"] == [None, None, None, 3]
    for size in ((16, 16), (24, 40)):
        images = np.full((2, *size, 3), 200, "uint8")
        expected = in_keras(model, images.astype("float32") / 255)
        seen = run([images])
        np.testing.assert_allclose(seen["predictions"], expected, atol=1e-5)
        assert seen["places"].shape == (2, 1, *size)


def test_sizes_can_be_fixed_and_maps_left_out(tmp_path, images, small_network):
    model = small_network((None, None, 3))
    report, run = exported(model, tmp_path, input_shape=(16, 16, 3), maps=False)
    assert report.images["shape"] == [None, 16, 16, 3]
    assert list(report.paths) == list(run([images])) == ["predictions"]


class Centred(keras.layers.Layer):
    """Keeps tensors of its own: a small one, and one of many numbers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mean = {"rgb": ops.convert_to_tensor([103.9, 116.8, 123.7])}
        self.places = ops.arange(16 * 16 * 3, dtype="float32")

    def call(self, images):
        places = ops.reshape(self.places, (16, 16, 3))
        return images - self.mean["rgb"] + places / 100


@pytest.mark.parametrize(
    "centred",
    first(
        2,
        [
            Centred,
            # A tensor among the arguments of an operation.
            lambda: keras.applications.vgg16.preprocess_input,
            lambda: keras.layers.Normalization(mean=[1] * 3, variance=[4] * 3),
        ],
    ),
)
@pytest.mark.parametrize("format", TRANSLATED)
def test_tensors_that_a_model_holds_are_no_inputs(
    centred, format, tmp_path, images
):
    inputs = keras.Input((16, 16, 3))
    pooled = layers.get("attn_pool")(centred()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    report, run = exported(model, tmp_path, format, preprocessing=False)
    assert report.difference < 1e-4
    assert len(run([images.astype("float32")])) == 2
    in_keras(model, images.astype("float32"))  # is left as it was


@pytest.mark.parametrize("format", TRANSLATED)
def test_zeros_around_negative_maps_take_part_in_a_maximum(
    format, tmp_path, images
):
    # ONNX Runtime would move zeros into the pooling, which pads with -inf.
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(
        4, 1, kernel_initializer=keras.initializers.Constant(-1.0)
    )(inputs)
    x = keras.layers.ZeroPadding2D(1)(x)
    model = keras.Model(inputs, keras.layers.MaxPooling2D(3, strides=2)(x))
    _, run = exported(model, tmp_path, format, preprocessing=False)
    images = 1 + images.astype("float32")
    (found,) = run([images]).values()
    expected = in_keras(model, images)
    assert (expected[:, 0] == 0).all() and (expected[:, 1:, 1:] < 0).all()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("format", TRANSLATED)
def test_grouped_convolutions(format, tmp_path, randomised):
    inputs = keras.Input((8, 8, 6))
    convolutions = [
        keras.layers.Conv2D(filters, 3, groups=groups)
        for filters, groups in ((6, 6), (12, 6), (4, 2))
    ]
    outputs = keras.layers.Concatenate()([c(inputs) for c in convolutions])
    model = randomised(keras.Model(inputs, outputs))
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 6))
    images = images.astype("float32")
    expected = in_keras(model, images)
    _, run = exported(model, tmp_path, format, preprocessing=False)
    (found,) = run([images]).values()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for convolution in convolutions:  # are left as they were
        assert "convolution_op" not in vars(convolution)


@pytest.mark.parametrize("format", TRANSLATED)
def test_exact_gelu(format, tmp_path):
    # A ConvNeXt is made of it, and tf2onnx has no word for its erfc.
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Activation("gelu")(inputs))
    images = np.linspace(-9, 9, 192, dtype="float32").reshape(1, 8, 8, 3)
    _, run = exported(model, tmp_path, format, preprocessing=False)
    (found,) = run([images]).values()
    expected = in_keras(model, images)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_half_precision_is_exported_in_float32(tmp_path, images, small_network):
    # PyTorch has no float16 convolution on every CPU.
    policy = "mixed_bfloat16" if BACKEND == "torch" else "mixed_float16"
    model = small_network(dtype=policy)
    before = [ops.convert_to_numpy(weight) for weight in model.weights]
    report, run = exported(model, tmp_path)
    assert report.difference < 1e-4
    assert "float32 copy" in report.compared
    same = small_network(dtype="float32")
    same.set_weights(before)
    expected = in_keras(same, images.astype("float32") / 255)
    np.testing.assert_allclose(
        run([images])["predictions"], expected, atol=1e-5
    )
    assert model.layers[1].dtype_policy.name == policy
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), value)


@pytest.mark.parametrize("place", first(1, ["nested", "first"]))
def test_a_model_that_rescales_is_not_rescaled_again(
    place, tmp_path, images, small_network
):
    steps = [keras.layers.Rescaling(1 / 127.5, offset=-1), small_network()]
    if place == "nested":
        steps[0] = keras.Sequential([keras.layers.RandomFlip(), steps[0]])
    model = keras.Sequential([keras.Input((16, 16, 3)), *steps])
    report, run = exported(model, tmp_path, preprocessing=True)
    expected = in_keras(model, images.astype("float32"))
    np.testing.assert_allclose(
        run([images])["predictions"], expected, atol=1e-5
    )
    assert "cast" in report.preprocessing
    assert report.paths["small_places"] == "small/places"


@pytest.mark.long
@needs_tensorflow
def test_keras_applications_with_rescaling_inside(tmp_path):
    model = keras.applications.MobileNetV3Small(
        (32, 32, 3), alpha=0.25, weights=None, classes=3, minimalistic=True
    )
    images = np.random.default_rng(0).integers(
        0, 256, (2, 32, 32, 3), dtype="uint8"
    )
    report, run = exported(model, tmp_path, preprocessing=True, maps=False)
    (answers,) = run([images]).values()
    expected = in_keras(model, images.astype("float32"))
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    assert "cast" in report.preprocessing


def test_preprocessing_can_be_a_function_a_layer_or_left_out(
    tmp_path, images, small_network
):
    model = small_network()
    layer = keras.layers.Rescaling(0.1, name="tenths")
    _, run = exported(model, tmp_path, preprocessing=layer)
    expected = in_keras(model, images.astype("float32") / 10)
    seen = run([images])["predictions"]
    np.testing.assert_allclose(seen, expected, atol=1e-5)

    report, run = exported(
        model, tmp_path, preprocessing=lambda x: x / 10, overwrite=True
    )
    seen = run([images])["predictions"]
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    assert "<lambda>" in report.preprocessing

    report, run = exported(model, tmp_path, preprocessing=False, overwrite=True)
    seen = run([images.astype("float32") / 10])["predictions"]
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    assert report.images["dtype"] == "float32"


def test_several_outputs_keep_their_names(tmp_path, images, small_network):
    model = small_network()
    places = model.get_layer("places").output
    named = keras.Model(
        model.inputs, {"kind/of": model.output, "places": places}
    )
    report, run = exported(named, tmp_path)
    assert report.paths == {
        "kind_of": "kind/of",
        "places": "places",
        "channels": "channels",
        "places_2": "places",
    }
    assert run([images])["places"].shape == (5, 16, 16, 8)
    assert run([images])["places_2"].shape == (5, 1, 16, 16)


def test_accuracy_is_of_the_labels(tmp_path, images, small_network):
    model = small_network(activation=None)
    answers = in_keras(model, images.astype("float32") / 255).argmax(-1)
    labels = answers.copy()
    labels[0] = (labels[0] + 1) % 3
    report, _ = exported(model, tmp_path, test=(images, labels))
    assert report.accuracy == report.keras_accuracy == 0.8
    assert "80.0%" in str(report)
    assert "80.0%" in report._repr_html_()
    assert json.loads(report.to_json())["accuracy"] == 0.8
    assert json.loads(report.to_json())["difference"] == report.difference
    assert report.bytes > 0
    assert report.milliseconds > 0


@pytest.mark.parametrize("format", QUANTIZED)
def test_quantized_files_are_smaller_and_say_how_far_off(
    format, tmp_path, images, randomised
):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(64, 3, activation="relu")(inputs)
    x = keras.layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.get("se", reduction_ratio=2, name="se")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = randomised(keras.Model(inputs, keras.layers.Dense(3)(x)))
    whole, _ = exported(model, tmp_path, format)
    for options in (
        {"quantize": "float16"},
        {"quantize": "int8"},
        {"quantize": "int8", "calibration": images},
    ):
        report, _ = exported(model, tmp_path, format, **options, overwrite=True)
        share = report.bytes / whole.bytes
        assert share < (0.6 if options["quantize"] == "float16" else 0.5)
        assert whole.difference < report.difference < 0.1
        assert report.quantization != whole.quantization


@needs_tensorflow
@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_the_layer_that_cannot_be_exported_is_named(
    format, tmp_path, small_network
):
    class Strange(keras.layers.Layer):
        def call(self, x):
            return x + ops.erfinv(0.01 * x)

        def compute_output_shape(self, shape):
            return shape

    model = small_network()
    inner = keras.Sequential(
        [keras.Input((8,)), Strange(name="strange")], name="inner"
    )
    x = keras.layers.GlobalAveragePooling2D()(model.get_layer("places").output)
    model = keras.Model(model.inputs, keras.layers.Dense(2)(inner(x)))
    with pytest.raises(ValueError, match="layer 'inner/strange'") as raised:
        exported(model, tmp_path, format)
    assert raised.value.__cause__ is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS[:1])
def test_a_path_is_written_whole_or_not_at_all(
    format, tmp_path, images, monkeypatch, small_network
):
    model = small_network()
    _, run = exported(model, tmp_path, format)
    with pytest.raises(ValueError, match="overwrite=True"):
        exported(model, tmp_path, format)

    def fail(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setitem(LOADERS, format, fail)
        with pytest.raises(ValueError, match="disk full"):
            exported(model, tmp_path, format, overwrite=True)
    path = tmp_path / f"exported{SUFFIX[format]}"
    assert list(tmp_path.iterdir()) == [path]
    before = run([images])["predictions"]
    after = LOADERS[format](path)([images])["predictions"]
    np.testing.assert_array_equal(after, before)


def test_a_file_that_computes_something_else_is_not_kept(
    tmp_path, monkeypatch, small_network
):
    format = FORMATS[0]
    load = LOADERS[format]

    def wrong(path):
        run = load(path)
        return lambda arrays: {k: a * np.nan for k, a in run(arrays).items()}

    monkeypatch.setitem(LOADERS, format, wrong)
    with pytest.raises(ValueError, match="something else than Keras"):
        exported(small_network(), tmp_path, format)
    assert list(tmp_path.iterdir()) == []
