import keras
import numpy as np
import pytest
from keras import ops

from keras_attention.features import preprocess_input

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 4, 5, 3)).astype("uint8")


@pytest.mark.computing
@pytest.mark.parametrize("convert", [np.asarray, ops.convert_to_tensor])
def test_standardises_each_channel(images, convert):
    result = preprocess_input(convert(images), "channels_last")
    assert isinstance(result, np.ndarray) == (convert is np.asarray)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    expected = (images / 255 - MEAN) / STD
    np.testing.assert_allclose(
        ops.convert_to_numpy(result), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.computing
def test_statistics_belong_to_the_weights(images):
    mean = np.array([0.48235, 0.45882, 0.40784])
    result = preprocess_input(
        images, "channels_last", weights="imagenet_features"
    )
    np.testing.assert_allclose(result, images - 255 * mean, atol=1e-3)
    with pytest.raises(ValueError, match="weights.*imagenet_features"):
        preprocess_input(images, weights="caffe")


@pytest.mark.computing
def test_images_from_0_to_1(images):
    expected = preprocess_input(images, "channels_last")
    unit = (images / 255).astype("float32")
    result = preprocess_input(unit, "channels_last", value_range=(0, 1))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="value_range"):
        preprocess_input(images, value_range=(1, 1))


def test_channels_first(images):
    expected = preprocess_input(images, "channels_last")
    result = preprocess_input(images.transpose(0, 3, 1, 2), "channels_first")
    np.testing.assert_array_equal(result.transpose(0, 2, 3, 1), expected)


def test_symbolic_and_single_images():
    image = keras.Input((None, None, 3), dtype="uint8")
    result = preprocess_input(image)
    assert result.shape == (None, None, None, 3)
    assert result.dtype == "float32"
    assert preprocess_input(np.zeros((2, 2, 3), "float16")).dtype == "float16"


def test_input_is_not_changed(images):
    before = images.copy()
    preprocess_input(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("shape", [(2, 4, 5, 1), (2, 3, 5, 4), (4, 3), (3,)])
def test_needs_three_channels(shape):
    with pytest.raises(ValueError, match=r"3 channels.*Received.*shape"):
        preprocess_input(np.zeros(shape), "channels_last")


def test_unknown_data_format(images):
    with pytest.raises(ValueError, match="data_format"):
        preprocess_input(images, "NHWC")
