import keras
import numpy as np
import pytest

from keras_attention.datasets.resize import resize
from keras_attention.datasets.resize import resize_nearest


@pytest.mark.parametrize("size", [(5, 9), (30, 7), (13, 11), (26, 40)])
def test_resize_agrees_with_the_backend(size):
    images = np.random.default_rng(0).random((2, 13, 11, 3), "float32")
    ours = resize(images, size)
    assert ours.dtype == np.float32 and ours.shape == (2, *size, 3)
    theirs = keras.ops.image.resize(images, size, antialias=True)
    np.testing.assert_allclose(
        ours, keras.ops.convert_to_numpy(theirs), atol=1e-5
    )


def test_resize_keeps_rank_and_size():
    image = np.arange(12, dtype="uint8").reshape(2, 2, 3)
    np.testing.assert_allclose(resize(image, (2, 2)), image)


def test_nearest_keeps_values_and_dtype():
    mask = (np.random.default_rng(0).random((2, 9, 7, 1)) > 0.5).astype("uint8")
    small = resize_nearest(mask, (4, 14))
    assert small.dtype == np.uint8 and small.shape == (2, 4, 14, 1)
    np.testing.assert_array_equal(resize_nearest(small, (4, 14)), small)
    assert set(np.unique(small)) <= {0, 1}
