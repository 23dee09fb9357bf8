"""Maps of the image's own pixels: what a small change of each would do."""

import numpy as np

from keras_attention.explanation.gradients import INPUT
from keras_attention.explanation.gradients import Gradients
from keras_attention.explanation.map_layers import MapLayers
from keras_attention.explanation.pixels import checked_pixels
from keras_attention.explanation.targets import Target
from keras_attention.explanation.targets import predicted_classes
from keras_attention.explanation.whole_sets import batches
from keras_attention.explanation.whole_sets import checked_images
from keras_attention.explanation.whole_sets import way_back
from keras_attention.internals import arguments


def saliency(model, images, target=None, *, batch_size=32, originals=None):
    """The size of the gradient by each pixel.

    `max_c |dy / dx_c|` over the channels `c` of the image.

    Args:
        model: `keras.Model`, of one input; see `grad_cam`.
        images: array `(batch, height, width, channels)`, or volumes.
        target: any, what is explained; see `grad_cam`. Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, non-negative, in the image's pixels.

    Raises:
        ValueError: As `grad_cam`, and for models of several inputs.

    Reference:
        Simonyan, Vedaldi, Zisserman: Deep Inside Convolutional Networks:
        Visualising Image Classification Models and Saliency Maps. ICLR
        Workshop 2014.
    """
    back = way_back(images, originals)
    images, channels, gradient = _explained(model, images, target, batch_size)
    return back(np.abs(gradient(images)).max(channels))


def smooth_grad(
    model,
    images,
    target=None,
    *,
    samples=25,
    noise=0.15,
    seed=0,
    batch_size=32,
    originals=None,
):
    """Saliency, averaged over noisy copies of the image.

    `mean_i max_c |dy / dx_c (x + n_i)|` with `n_i` normal, of a standard
    deviation that is a share of the image's range.

    Args:
        model: `keras.Model`, of one input; see `grad_cam`.
        images: array `(batch, height, width, channels)`, or volumes.
        target: any, what is explained; see `grad_cam`; the predicted class is
            that of each noisy copy. Defaults to `None`.
        samples: int, noisy copies an image. Defaults to `25`.
        noise: float, the standard deviation as a share of `max - min` of each
            image. Defaults to `0.15`.
        seed: int, of the noise. Defaults to `0`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, non-negative, in the image's pixels.

    Raises:
        ValueError: As `saliency`.

    Reference:
        Smilkov et al.: SmoothGrad: removing noise by adding noise. 2017,
        arXiv:1706.03825.

    Differs from the paper:
        It leaves open whether sizes or signed gradients are averaged; here
        sizes, as for `saliency`.
    """
    arguments.positive_int("samples", samples)
    arguments.positive_float("noise", noise)
    back = way_back(images, originals)
    images, channels, gradient = _explained(model, images, target, batch_size)
    axes = tuple(range(1, images.ndim))
    deviation = noise * np.ptp(images, axis=axes, keepdims=True)
    rng = np.random.default_rng(seed)
    total = 0.0
    for _ in range(samples):
        noisy = images + deviation * rng.standard_normal(
            images.shape, "float32"
        )
        total = total + np.abs(gradient(noisy)).max(channels)
    return back(total / samples)


def integrated_gradients(
    model,
    images,
    target=None,
    *,
    baseline=0.0,
    steps=32,
    batch_size=32,
    originals=None,
):
    """Gradients, averaged on the way from a baseline, times that way.

    `sum_c (x_c - b_c) mean_i dy / dx_c (b + (i + 1/2) / steps (x - b))`. Summed
    over all pixels it is `y(x) - y(b)`, up to the error of the steps.

    Args:
        model: `keras.Model`, of one input; see `grad_cam`.
        images: array `(batch, height, width, channels)`, or volumes.
        target: any, what is explained; see `grad_cam`; of `None`, the class
            that is predicted for the image itself. Defaults to `None`.
        baseline: float or array that broadcasts to the images, where nothing is
            to be seen. Defaults to `0.0`.
        steps: int, points on the way. Defaults to `32`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, of both signs, in the image's pixels.

    Raises:
        ValueError: As `saliency`.

    Example: of a linear model, weight times pixel.

    >>> import keras
    >>> inputs = keras.Input((2, 2, 1))
    >>> dense = keras.layers.Dense(1, kernel_initializer="ones")
    >>> model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    >>> images = np.arange(4.0).reshape(1, 2, 2, 1)
    >>> print(integrated_gradients(model, images)[0].round(3))
    [[0. 1.]
     [2. 3.]]

    Reference:
        Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks. ICML
        2017.
    """
    arguments.positive_int("steps", steps)
    if target is None:
        answers = model.predict(images, batch_size=batch_size, verbose=0)
        target = predicted_classes(answers)
    back = way_back(images, originals)
    images, channels, gradient = _explained(model, images, target, batch_size)
    way = images - np.asarray(baseline, "float32")
    total = 0.0
    for step in range(steps):
        share = 1 - (step + 0.5) / steps
        total = total + gradient(images - np.float32(share) * way)
    return back((total / steps * way).sum(channels))


def _explained(model, images, target, batch_size):
    """The images, the axis of their channels, and their score's gradient."""
    target = Target(target, checked_images(images))
    layers = MapLayers(model, images)
    images, channels, _ = checked_pixels(images, layers.channels_first)
    gradients = Gradients(model, target, by_input=True, last=layers.last)

    def gradient(images):
        found = []
        for batch, part in batches(images, batch_size):
            _, places = gradients(batch, part)
            found.append(places[INPUT][1])
            if found[-1] is None:
                raise ValueError(
                    "The target does not depend on the images by anything "
                    "that has a gradient"
                )
        return np.concatenate(found)

    return images, channels, gradient
