import keras
import numpy as np
import pytest
from choice import first

from keras_attention import features
from keras_attention.features import VGG16BN
from keras_attention.features import load_torchvision_state

TINY = 1 / 64


def numpy_vgg(state, images, layers):
    """torchvision's network in NumPy: `(batch, C, H, W)` to maps, logits."""
    x = images
    for kind, index, _ in layers:
        if kind == "conv":
            x = numpy_convolution(x, state, f"features.{index}")
        elif kind == "bn":
            x = numpy_normalization(x, state, f"features.{index}")
        elif kind == "relu":
            x = np.maximum(x, 0)
        else:
            batch, channels, height, width = x.shape
            x = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
            x = x.max(axis=(3, 5))
    maps = x
    x = x.reshape(len(x), -1)
    for name in ("classifier.0", "classifier.3"):
        x = np.maximum(numpy_dense(x, state, name), 0)
    return maps, numpy_dense(x, state, "classifier.6")


def numpy_convolution(x, state, name):
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    y = np.einsum(
        "bihwkl,oikl->bohw", windows, state[f"{name}.weight"], optimize=True
    )
    return y + state[f"{name}.bias"][:, None, None]


def numpy_normalization(x, state, name):
    mean, var, weight, bias = (
        state[f"{name}.{key}"][:, None, None]
        for key in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def numpy_dense(x, state, name):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


@pytest.fixture(scope="module")
def backbone():
    return VGG16BN(include_top=False, width_multiplier=TINY)


@pytest.fixture
def tiny_state(make_state):
    return make_state(TINY, top=False)


def snapshot(model):
    return [np.array(w) for w in model.get_weights()]


def assert_unchanged(model, before):
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.computing
@pytest.mark.parametrize(
    "architecture",
    first(
        4,
        [
            f"vgg{depth}{norm}"
            for depth in (11, 16, 13, 19)
            for norm in ("_bn", "")
        ],
    ),
)
def test_forward_pass_equals_torchvisions(
    make_state, layers_of, architecture, equals
):
    # 2 x 3 positions, so that a wrong order of fc1's rows shows.
    state = make_state(positions=6, architecture=architecture)
    network = getattr(features, architecture.upper().replace("_", ""))
    model = network(
        input_shape=(64, 96, 3),
        classes=10,
        classifier_activation=None,
        width_multiplier=1 / 16,
        weights=state,
    )
    images = np.random.default_rng(1).normal(size=(2, 3, 64, 96))
    maps, logits = numpy_vgg(state, images, layers_of(architecture))
    both = keras.Model(
        model.inputs, [model.get_layer("block5_pool").output, model.output]
    )
    images = images.transpose(0, 2, 3, 1).astype("float32")
    actual_maps, actual_logits = both.predict(images, verbose=0)
    assert np.ptp(logits) > 1
    names = network.__name__, "torchvision's layers in NumPy"
    equals(*names, actual_maps.transpose(0, 3, 1, 2), maps, 1e-4)
    equals(*names, actual_logits, logits, 1e-4)


def test_prefix_of_data_parallel(backbone, tiny_state):
    load_torchvision_state(
        backbone,
        {f"module.{name}": value for name, value in tiny_state.items()},
    )
    np.testing.assert_array_equal(
        backbone.get_layer("block5_bn3").moving_variance,
        tiny_state["features.41.running_var"],
    )


def test_classifier_is_left_out_without_top(backbone, make_state):
    state = make_state(TINY)
    load_torchvision_state(backbone, state)
    np.testing.assert_array_equal(
        backbone.get_layer("block1_conv1").bias, state["features.0.bias"]
    )


def test_other_layers_are_left_alone(backbone, tiny_state):
    x = keras.layers.Dense(2, name="block5_pool_extra")(backbone.output)
    model = keras.Model(backbone.input, x)
    kernel = np.array(model.get_layer("block5_pool_extra").kernel)
    load_torchvision_state(model, tiny_state)
    np.testing.assert_array_equal(
        model.get_layer("block5_pool_extra").kernel, kernel
    )


def test_top_needs_the_classifier(make_state):
    model = VGG16BN(input_shape=(32, 32, 3), classes=3, width_multiplier=TINY)
    with pytest.raises(ValueError, match=r"Missing: classifier\.0\.weight"):
        load_torchvision_state(model, make_state(TINY, top=False))
    with pytest.raises(
        ValueError, match=r"classifier\.6\.weight \(5, 64\) for"
    ):
        load_torchvision_state(model, make_state(TINY, classes=5))


def test_one_error_lists_every_problem(backbone, tiny_state):
    before = snapshot(backbone)
    del tiny_state["features.41.running_var"]
    tiny_state["features.99.weight"] = np.zeros(3)
    tiny_state["features.0.weight"] = np.zeros((1, 3, 5, 5))
    with pytest.raises(ValueError) as caught:
        load_torchvision_state(backbone, tiny_state)
    message = str(caught.value)
    assert "Missing: features.41.running_var." in message
    assert "Unexpected: features.99.weight." in message
    assert "features.0.weight (1, 3, 5, 5) for (1, 3, 3, 3)." in message
    assert_unchanged(backbone, before)


def test_transposed_kernels_do_not_pass(backbone, tiny_state):
    kernel = tiny_state["features.7.weight"]
    tiny_state["features.7.weight"] = kernel.transpose(2, 3, 1, 0)
    with pytest.raises(ValueError, match=r"Wrong shape: features\.7\.weight"):
        load_torchvision_state(backbone, tiny_state)


def test_nothing_is_half_loaded(backbone, tiny_state):
    before = snapshot(backbone)
    tiny_state["features.40.bias"] = np.full(8, "text")
    with pytest.raises(ValueError):
        load_torchvision_state(backbone, tiny_state)
    assert_unchanged(backbone, before)


@pytest.mark.parametrize("wrap", [False, True])
def test_checkpoints_and_empty_states_raise(backbone, tiny_state, wrap):
    state = {"state_dict": tiny_state, "epoch": 3} if wrap else {}
    with pytest.raises(ValueError, match=r"Missing.*and 74 more"):
        load_torchvision_state(backbone, state)


def test_state_must_be_a_dictionary(backbone):
    with pytest.raises(ValueError, match="Received: a list"):
        load_torchvision_state(backbone, [])


def test_model_must_be_a_vgg(tiny_state):
    image = keras.Input((32, 32, 3))
    other = keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="other")
    with pytest.raises(ValueError, match="model='other'"):
        load_torchvision_state(other, tiny_state)


@pytest.mark.parametrize(
    ("network", "architecture", "problem"),
    [
        (features.VGG16, "vgg16_bn", r"Unexpected: features\.1"),
        (features.VGG16BN, "vgg16", r"Missing: features\.1\.weight"),
        (features.VGG19BN, "vgg16_bn", r"Missing: .* and 26 more"),
    ],
)
def test_the_state_of_another_vgg_is_refused(
    make_state, network, architecture, problem
):
    state = make_state(TINY, top=False, architecture=architecture)
    with pytest.raises(ValueError, match=problem):
        network(include_top=False, width_multiplier=TINY, weights=state)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
def test_quantized_model_raises(make_state):
    model = VGG16BN(input_shape=(32, 32, 3), classes=3, width_multiplier=TINY)
    model.quantize("int8")
    with pytest.raises(ValueError, match="before quantizing"):
        load_torchvision_state(model, make_state(TINY, classes=3))


@pytest.mark.computing
def test_torch_tensors_of_any_precision(backbone, tiny_state):
    torch = pytest.importorskip("torch")
    state = {
        name: torch.nn.Parameter(torch.tensor(value, dtype=torch.bfloat16))
        if value.ndim
        else torch.tensor(value)
        for name, value in tiny_state.items()
    }
    load_torchvision_state(backbone, state)
    np.testing.assert_allclose(
        backbone.get_layer("block1_conv1").kernel,
        tiny_state["features.0.weight"].transpose(2, 3, 1, 0),
        rtol=1e-2,
    )
