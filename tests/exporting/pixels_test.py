import keras
import numpy as np
import pytest
from choice import first
from keras import ops

from keras_attention.exporting.pixels import first_steps
from keras_attention.exporting.pixels import pixels
from keras_attention.exporting.pixels import takes_stored_pixels

SHAPE = (8, 8, 3)
IMAGENET = {
    "mean": [0.485, 0.456, 0.406],
    "variance": [0.229**2, 0.224**2, 0.225**2],
}


def model_behind(*steps):
    x = inputs = keras.Input(SHAPE)
    for step in steps:
        x = step(x)
    x = keras.layers.Conv2D(2, 3)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def caffe(x):
    return ops.flip(x, -1) - np.array([103.9, 116.8, 123.7], "float32")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = keras.layers.Conv2D(2, 3)
        self.convolution.build((None, *SHAPE))

    def call(self, x):
        return self.convolution(x / 255.0)


@pytest.mark.parametrize(
    "model, stored",
    [
        (lambda: model_behind(keras.layers.Rescaling(1 / 255)), True),
        (lambda: model_behind(keras.layers.Rescaling(1 / 127.5, -1)), True),
        # For images from 0 to 1: to -1 to 1.
        (lambda: model_behind(keras.layers.Rescaling(2.0, -1)), False),
        (lambda: model_behind(keras.layers.Normalization(**IMAGENET)), False),
        (
            lambda: model_behind(
                keras.layers.Rescaling(1 / 255),
                keras.layers.Normalization(**IMAGENET),
            ),
            True,
        ),
        (
            lambda: model_behind(
                keras.layers.ZeroPadding2D(1),
                keras.layers.RandomFlip(),
                keras.Sequential(
                    [
                        keras.layers.Resizing(6, 6),
                        keras.Sequential([keras.layers.Rescaling(1 / 255)]),
                    ]
                ),
            ),
            True,
        ),
        (lambda: model_behind(lambda x: x / 255.0), True),
        (
            lambda: model_behind(
                keras.layers.Lambda(caffe, output_shape=SHAPE)
            ),
            True,
        ),
        (Subclassed, True),
    ],
)
def test_the_scale_is_found_in_what_the_model_does(model, stored):
    steps = pixels(model(), True, SHAPE)
    assert steps.dtype == "uint8"
    prepared = steps.prepare(np.full((1, *SHAPE), 255, "uint8"))
    expected = 255 if stored else 1
    np.testing.assert_allclose(ops.convert_to_numpy(prepared), expected)


def test_looking_changes_nothing():
    model = model_behind(keras.layers.Rescaling(1 / 255))
    image = np.ones((1, *SHAPE), "float32")
    before = ops.convert_to_numpy(model(image))
    assert first_steps(model, SHAPE) == pytest.approx((1 / 255, 0))
    assert all("call" not in vars(layer) for layer in model.layers)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(image)), before)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    first(
        2,
        [
            keras.applications.EfficientNetB0,
            keras.applications.MobileNetV3Small,
            keras.applications.ConvNeXtTiny,
            keras.applications.EfficientNetV2B0,
        ],
    ),
)
def test_keras_applications_that_rescale(make):
    model = make(weights=None, input_shape=(32, 32, 3), include_top=False)
    assert takes_stored_pixels(*first_steps(model, (32, 32, 3)))


def test_what_could_be_either_scale_is_asked_for():
    with pytest.raises(ValueError, match="cannot tell"):
        pixels(model_behind(keras.layers.Rescaling(0.2)), True, SHAPE)


@pytest.mark.parametrize(
    "make",
    [
        model_behind,
        lambda: model_behind(keras.layers.ReLU()),
        # Their preprocessing, and this package's, stands outside.
        lambda: keras.applications.VGG16(
            weights=None, include_top=False, input_shape=(32, 32, 3)
        ),
    ],
)
def test_nothing_is_guessed_where_nothing_tells(make):
    model = make()
    shape = model.input_shape[1:]
    with pytest.raises(ValueError, match=r"Say it: preprocessing=\(0, 1\)"):
        pixels(model, True, shape)


@pytest.mark.parametrize("low, high", [(0, 1), (-1, 1), (0, 255)])
def test_a_range_is_scaled_to(low, high):
    steps = pixels(model_behind(), (low, high), SHAPE)
    ends = np.array([0, 255], "uint8").reshape(1, 1, 2, 1)
    np.testing.assert_allclose(
        ops.convert_to_numpy(steps.prepare(ends)).ravel(), [low, high]
    )
    assert steps.dtype == "uint8"


@pytest.mark.parametrize("bad", [(0,), (1, 0), (0, 1, 2), ("a", "b")])
def test_ranges_that_are_none(bad):
    with pytest.raises(ValueError, match="two rising numbers"):
        pixels(model_behind(), bad, SHAPE)


@pytest.mark.parametrize(
    "step, given",
    [
        (keras.layers.Rescaling(1 / 255, name="own"), (0, 1)),
        (keras.layers.Rescaling(1 / 255, name="own"), lambda x: x / 127.5 - 1),
        (keras.layers.Normalization(**IMAGENET, name="own"), (0, 255)),
        # Centred twice.
        (
            keras.layers.Rescaling(1, [-103.9, -116.8, -123.7], name="own"),
            caffe,
        ),
        (keras.layers.Rescaling(1 / 127.5, -1, name="own"), caffe),
        (keras.layers.Rescaling(1, -127.5, name="own"), (-127.5, 127.5)),
    ],
)
def test_what_contradicts_the_models_own_steps_is_refused(step, given):
    match = r"'own' computes \(pixels - .* preprocessing=True"
    with pytest.raises(ValueError, match=match):
        pixels(model_behind(step), given, SHAPE)


@pytest.mark.parametrize(
    "step, given",
    [
        (keras.layers.Rescaling(1 / 255), (0, 255)),
        (keras.layers.Rescaling(1 / 255), caffe),
        (keras.layers.Rescaling(1 / 127.5, -1), lambda x: x[..., ::-1]),
        (keras.layers.Rescaling(2.0, -1), (0, 1)),
        # It seems to divide by 255.
        (keras.layers.ReLU(max_value=1), (0, 1)),
    ],
)
def test_what_fits_the_models_own_steps_is_taken(step, given):
    assert pixels(model_behind(step), given, SHAPE).dtype == "uint8"


def test_preprocessing_may_bring_images_to_a_size():
    resize = keras.layers.Resizing(8, 8)
    assert pixels(model_behind(), resize, (9, 7, 3)).dtype == "uint8"
    steps = [keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)]
    free = keras.Sequential(steps)
    assert pixels(free, resize, (9, 7, 3)).dtype == "uint8"


def test_preprocessing_that_fails_is_named():
    with pytest.raises(ValueError, match="preprocessing.*fails: ZeroDivision"):
        pixels(model_behind(), lambda x: x * (1 / 0), SHAPE)
    with pytest.raises(ValueError, match=r"preprocessing.*\(None, 8, 8, 1\)"):
        pixels(model_behind(), lambda x: x[..., :1], SHAPE)
