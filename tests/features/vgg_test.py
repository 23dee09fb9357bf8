import re

import keras
import numpy as np
import pytest

from keras_attention import features
from keras_attention.features import VGG16BN

TINY = 1 / 64
BLOCKS = (2, 2, 3, 3, 3)


def parameters(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


@pytest.fixture(scope="module")
def backbone():
    return VGG16BN(include_top=False, width_multiplier=TINY)


@pytest.fixture(scope="module")
def classifier():
    return VGG16BN(input_shape=(32, 32, 3), classes=3, width_multiplier=TINY)


@pytest.fixture
def channels_first():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def count_parameters(depth, norm, width=1):
    """Of torchvision's layers: trained, and moving statistics."""
    convolutions = {11: (1, 1, 2, 2, 2), 13: (2,) * 5}
    convolutions[16], convolutions[19] = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
    trained, moving, inputs = 0, 0, 3
    for count, filters in zip(
        convolutions[depth], (64, 128, 256, 512, 512), strict=True
    ):
        filters = int(filters * width)
        for _ in range(count):
            trained += (9 * inputs + 1) * filters
            trained += 2 * filters if norm else 0
            moving += 2 * filters if norm else 0
            inputs = filters
    units = int(4096 * width)
    dense = (49 * inputs, units), (units, units), (units, 1000)
    trained += sum((fan_in + 1) * fan_out for fan_in, fan_out in dense)
    return trained, moving


COUNTS = pytest.mark.parametrize(
    ("network", "count", "moving"),
    [
        (features.VGG11, 132_863_336, 0),
        (features.VGG11BN, 132_868_840, 5_504),
        (features.VGG13, 133_047_848, 0),
        (features.VGG13BN, 133_053_736, 5_888),
        (features.VGG16, 138_357_544, 0),
        (features.VGG16BN, 138_365_992, 8_448),
        (features.VGG19, 143_667_240, 0),
        (features.VGG19BN, 143_678_248, 11_008),
    ],
)


@COUNTS
def test_narrow_networks_have_their_share_of_parameters(network, count, moving):
    depth, norm = int(network.__name__[3:5]), network.__name__.endswith("BN")
    assert count_parameters(depth, norm) == (count, moving)
    model = network(width_multiplier=TINY)
    trained = parameters(model)
    expected = count_parameters(depth, norm, TINY)
    assert (trained, model.count_params() - trained) == expected
    assert model.output_shape == (None, 1000)
    assert f"{count:,} trainable parameters" in network.__doc__
    assert model.name == network.__name__.lower().replace("bn", "_bn")


@pytest.mark.long
@COUNTS
def test_parameters_are_torchvisions(network, count, moving):
    model = network()
    assert parameters(model) == count
    assert model.count_params() - parameters(model) == moving


def test_parameters_of_the_blocks():
    model = VGG16BN(include_top=False, input_shape=(224, 224, 3))
    assert parameters(model) == 14_723_136
    assert model.get_layer("block5_pool").output.shape == (None, 7, 7, 512)


def test_documentation_is_each_networks_own():
    pages = [
        getattr(features, f"VGG{depth}{norm}").__doc__
        for depth in (11, 13, 16, 19)
        for norm in ("", "BN")
    ]
    assert len({page.splitlines()[0] for page in pages}) == 8
    for page in pages:
        assert "{" not in page
        assert max(map(len, page.splitlines())) <= 80


def test_layer_names(classifier):
    expected = []
    for block, convolutions in enumerate(BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            expected += [
                f"block{block}_{kind}{number}"
                for kind in ("conv", "bn", "relu")
            ]
        expected.append(f"block{block}_pool")
    expected += ["flatten", "fc1", "fc1_dropout", "fc2", "fc2_dropout"]
    expected.append("predictions")
    assert [layer.name for layer in classifier.layers[1:]] == expected
    assert classifier.name == "vgg16_bn"


def test_maps_halve_and_widths_scale():
    model = VGG16BN(
        include_top=False, input_shape=(70, 33, 3), width_multiplier=1 / 32
    )
    shapes = [
        model.get_layer(f"block{block}_pool").output.shape[1:]
        for block in range(1, 6)
    ]
    assert shapes == [
        (35, 16, 2),
        (17, 8, 4),
        (8, 4, 8),
        (4, 2, 16),
        (2, 1, 16),
    ]


def test_hyperparameters_are_torchs(classifier):
    norm = classifier.get_layer("block4_bn2")
    assert (norm.epsilon, norm.momentum) == (1e-5, 0.9)
    assert classifier.get_layer("fc2_dropout").rate == 0.5
    assert classifier.get_layer("fc1").activation is keras.activations.relu
    assert classifier.get_layer("fc1").units == 64
    predictions = classifier.get_layer("predictions")
    assert predictions.activation is keras.activations.softmax


def test_initial_weights_are_torchvisions():
    model = VGG16BN(input_shape=(32, 32, 3), width_multiplier=1 / 16)
    kernels = [
        np.array(model.get_layer(f"block5_conv{n}").kernel) for n in (1, 2, 3)
    ]
    assert not np.array_equal(kernels[0], kernels[1])
    np.testing.assert_allclose(
        np.std(kernels), (2 / (9 * 32)) ** 0.5, rtol=0.03
    )
    # A truncated normal would end at two standard deviations.
    assert np.abs(kernels).max() > 2.5 * np.std(kernels)
    # 8 inputs and 16 outputs tell fan_out from fan_in.
    wider = np.array(model.get_layer("block3_conv1").kernel)
    np.testing.assert_allclose(np.std(wider), (2 / (9 * 16)) ** 0.5, rtol=0.1)
    dense = np.array(model.get_layer("fc2").kernel)
    np.testing.assert_allclose(np.std(dense), 0.01, rtol=0.03)
    assert not np.any(model.get_layer("block3_conv1").bias)
    assert not np.any(model.get_layer("predictions").bias)


def test_unknown_sizes(backbone):
    assert backbone.output_shape == (None, None, None, 8)
    for height, width in ((32, 64), (64, 47)):
        result = backbone.predict(images(1, height, width, 3), verbose=0)
        assert result.shape == (1, height // 32, width // 32, 8)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("channels", [1, 5])
def test_any_number_of_channels(channels):
    model = VGG16BN(
        include_top=False,
        input_shape=(None, 32, channels),
        width_multiplier=TINY,
    )
    result = model.predict(images(1, 32, 32, channels), verbose=0)
    assert result.shape == (1, 1, 1, 8)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
@pytest.mark.parametrize(
    ("pooling", "reduce"), [("avg", "mean"), ("max", "max")]
)
def test_pooling_reduces_the_map(backbone, pooling, reduce):
    model = VGG16BN(include_top=False, pooling=pooling, width_multiplier=TINY)
    assert model.output_shape == (None, 8)
    model.set_weights(backbone.get_weights())
    x = images(2, 64, 96, 3)
    maps = backbone.predict(x, verbose=0)
    np.testing.assert_allclose(
        model.predict(x, verbose=0),
        getattr(maps, reduce)(axis=(1, 2)),
        rtol=1e-5,
        atol=1e-6,
    )


def test_input_tensor():
    image = keras.Input((64, 64, 3), name="photo")
    x = keras.layers.Rescaling(1 / 255)(image)
    model = VGG16BN(include_top=False, input_tensor=x, width_multiplier=TINY)
    assert model.input is image
    assert model.layers[1].name.startswith("rescaling")
    assert model.output_shape == (None, 2, 2, 8)


@pytest.mark.usefixtures("eagerly")
def test_safe_round_trip_is_exact(classifier, tmp_path):
    path = tmp_path / "model.keras"
    classifier.save(path)
    copy = keras.saving.load_model(path, safe_mode=True)
    x = images(2, 32, 32, 3)
    np.testing.assert_array_equal(
        copy.predict(x, verbose=0), classifier.predict(x, verbose=0)
    )


@pytest.mark.usefixtures("eagerly")
def test_a_step_of_training_moves_every_layer():
    model = VGG16BN(
        input_shape=(32, 32, 3), classes=3, width_multiplier=TINY * 4
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    before = [np.array(w) for w in model.get_weights()]
    # Twice, as at first fc1 may hide what lies below behind its ReLU.
    history = model.fit(
        images(8, 32, 32, 3), np.arange(8) % 3, epochs=2, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    for variable, old in zip(model.weights, before, strict=True):
        assert not np.array_equal(np.array(variable), old), variable.path


@pytest.mark.usefixtures("eagerly")
@pytest.mark.computing
def test_channels_first_is_the_transposed(make_state, channels_first):
    state = make_state(TINY, positions=2, classes=3)
    x = images(2, 64, 32, 3)
    results = {}
    for data_format, shape, axes in (
        ("channels_last", (64, 32, 3), (0, 1, 2, 3)),
        ("channels_first", (3, 64, 32), (0, 3, 1, 2)),
    ):
        keras.config.set_image_data_format(data_format)
        model = VGG16BN(
            input_shape=shape, classes=3, width_multiplier=TINY, weights=state
        )
        results[data_format] = model.predict(x.transpose(axes), verbose=0)
    assert model.get_layer("block3_pool").output.shape == (None, 4, 8, 4)
    np.testing.assert_allclose(
        results["channels_first"], results["channels_last"], rtol=1e-4
    )


def test_channels_first_default_shape(channels_first):
    model = VGG16BN(include_top=False, width_multiplier=TINY)
    assert model.input_shape == (None, 3, None, None)
    with pytest.raises(ValueError, match=r"\(channels, height, width\)"):
        VGG16BN(input_shape=(32, 32, 3), width_multiplier=TINY)


@pytest.mark.parametrize(
    ("argument", "value", "valid"),
    [
        ("include_top", "yes", "True or False"),
        ("include_top", None, "True or False"),
        ("pooling", "mean", "None, 'avg', 'max'"),
        ("pooling", "avg", "None when include_top=True"),
        ("classes", 0, "a positive integer"),
        ("classes", -3, "a positive integer"),
        ("classes", 2.5, "a positive integer"),
        ("classes", True, "a positive integer"),
        ("classes", None, "a positive integer"),
        ("classes", 10**9, "at most 1,000,000"),
        ("classifier_activation", "soft-max", "an activation"),
        ("classifier_activation", 3, "an activation"),
        ("width_multiplier", 0, "above 0"),
        ("width_multiplier", -1.0, "above 0"),
        ("width_multiplier", float("nan"), "finite"),
        ("width_multiplier", float("inf"), "finite"),
        ("width_multiplier", "1", "number"),
        ("width_multiplier", 0.3, "multiple of 1/64"),
        ("width_multiplier", 10**9, "at most 244"),
        ("width_multiplier", 1 / 128, "multiple of 1/64"),
        ("input_shape", (31, 32, 3), "at least 32"),
        ("input_shape", (32, -32, 3), "at least 32"),
        ("input_shape", (32.0, 32, 3), "at least 32"),
        ("input_shape", (10**9, 32, 3), "at least 32"),
        ("input_shape", (32, 32, 0), "at least 1 channel"),
        ("input_shape", (32, 32, None), "at least 1 channel"),
        ("input_shape", (32, 32), "(height, width, channels)"),
        ("input_shape", (1, 32, 32, 3), "(height, width, channels)"),
        ("input_shape", 32, "(height, width, channels)"),
        ("input_shape", (None, None, 3), "at least 32"),
        ("input_tensor", "image", "symbolic"),
    ],
)
def test_bad_arguments(argument, value, valid):
    with pytest.raises(ValueError) as caught:
        VGG16BN(**{"width_multiplier": TINY, argument: value})
    message = str(caught.value)
    assert f"argument {argument}: expected" in message
    assert f"Received: {argument}={value!r}" in message
    assert valid in message


def test_bad_input_tensors():
    image = keras.Input((16, 32, 3))
    with pytest.raises(ValueError, match=r"input_tensor.*\(16, 32, 3\)"):
        VGG16BN(input_tensor=image, width_multiplier=TINY)
    image = keras.Input((32, 32, 3))
    expected = re.escape("the shape of input_tensor, (32, 32, 3)")
    with pytest.raises(ValueError, match=expected):
        VGG16BN(
            input_tensor=image,
            input_shape=(64, 64, 3),
            width_multiplier=TINY,
        )
