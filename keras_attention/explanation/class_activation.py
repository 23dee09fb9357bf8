"""Maps of a layer, weighted by what its channels do for the answer."""

import numpy as np

from keras_attention.explanation.gradients import Gradients
from keras_attention.explanation.map_layers import MapLayers
from keras_attention.explanation.map_layers import tokens_to_grid
from keras_attention.explanation.targets import Target
from keras_attention.explanation.whole_sets import batches
from keras_attention.explanation.whole_sets import checked_images
from keras_attention.explanation.whole_sets import way_back


def grad_cam(
    model, images, target=None, *, layer=None, batch_size=32, originals=None
):
    """Grad-CAM: channels weighted by their mean gradient.

    `relu(sum_k a_k A_k)` with `a_k = mean_p dy / dA_k(p)`, of the maps `A_k` of
    a layer and the target's score `y`, without a softmax or sigmoid at the end.

    Args:
        model: `keras.Model` of any kind; nothing of it is changed.
        images: array `(batch, height, width, channels)`, or what else the model
            takes, e.g. volumes `(batch, depth, height, width, channels)`.
        target: any, what is explained, one number an image: `None`, the
            predicted class (of a single output, that output); int or int array
            `(batch,)`, a class; a function of the model's answers that returns
            `(batch,)`; or an `InsideMask`. Defaults to `None`.
        layer: str, `keras.layers.Layer` or `None`, the layer to explain, by its
            path in the model (`"vgg16/block5_conv3"`), by its name, or itself.
            `None` takes the last map in front of the pooling, see
            `keras_attention.explanation.map_layers`. Tokens
            `(batch, tokens, channels)` become a grid of the image's
            proportions. Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: `datasets.Originals` or `None`, the photographs that the
            images were laid out from, such as `examples.originals`: the map of
            each then comes back in its pixels. Defaults to `None`.

    Returns:
        `(batch, height, width)`, float32, non-negative, in the layer's own
        grid. `plot_attention` enlarges it, `attention_energy` compares it with
        masks. With `originals`, a list of arrays `(height, width)` of the
        photographs.

    Raises:
        ValueError: If there is no such layer or target, if the score does not
            depend on the layer, or for photographs of another number of images.

    Example:

    >>> import keras
    >>> inputs = keras.Input((8, 8, 3))
    >>> features = keras.layers.Conv2D(4, 3, name="features")(inputs)
    >>> pooled = keras.layers.GlobalAveragePooling2D()(features)
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    >>> grad_cam(model, np.ones((5, 8, 8, 3)), target=1).shape
    (5, 6, 6)

    Reference:
        Selvaraju et al.: Grad-CAM: Visual Explanations from Deep Networks via
        Gradient-based Localization. ICCV 2017.
    """
    return _maps(_grad_cam, model, images, target, layer, batch_size, originals)


def grad_cam_plus_plus(
    model, images, target=None, *, layer=None, batch_size=32, originals=None
):
    """Grad-CAM++: positive gradients count by how far they carry.

    `relu(sum_k a_k A_k)` with `a_k = sum_p w_k(p) relu(g_k(p))` and
    `w_k(p) = g^2 / (2 g^2 + g^3 sum_q A_k(q))`, where `g_k = dy / dA_k`: the
    paper's closed form for the exponential of the score.

    Args:
        model: `keras.Model`; see `grad_cam`.
        images: array; see `grad_cam`.
        target: any, what is explained; see `grad_cam`. Defaults to `None`.
        layer: any, the layer to explain; see `grad_cam`. Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, as `grad_cam`.

    Raises:
        ValueError: As `grad_cam`.

    Reference:
        Chattopadhay et al.: Grad-CAM++: Generalized Gradient-based Visual
        Explanations for Deep Convolutional Networks. WACV 2018.

    Differs from the paper:
        Not from it; the authors' code and tf-keras-vis divide `w_k` by its sum
        over the positions, which the paper does not.
    """
    return _maps(
        _grad_cam_plus_plus, model, images, target, layer, batch_size, originals
    )


def hires_cam(
    model, images, target=None, *, layer=None, batch_size=32, originals=None
):
    """HiResCAM: each position weighted by its own gradient.

    `relu(sum_k g_k A_k)` with `g_k = dy / dA_k`. Of a network that ends in a
    convolution and a pooling it equals Grad-CAM; of others it is what the
    answer is made of where Grad-CAM may show what it is not.

    Args:
        model: `keras.Model`; see `grad_cam`.
        images: array; see `grad_cam`.
        target: any, what is explained; see `grad_cam`. Defaults to `None`.
        layer: any, the layer to explain; see `grad_cam`. Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, as `grad_cam`.

    Raises:
        ValueError: As `grad_cam`.

    Reference:
        Draelos, Carin: Use HiResCAM instead of Grad-CAM for faithful
        explanations of convolutional neural networks. 2020, arXiv:2011.08891.
    """
    return _maps(
        _hires_cam, model, images, target, layer, batch_size, originals
    )


def layer_cam(
    model, images, target=None, *, layer=None, batch_size=32, originals=None
):
    """LayerCAM: positive gradients of each position; for early layers too.

    `relu(sum_k relu(g_k) A_k)` with `g_k = dy / dA_k`.

    Args:
        model: `keras.Model`; see `grad_cam`.
        images: array; see `grad_cam`.
        target: any, what is explained; see `grad_cam`. Defaults to `None`.
        layer: any, the layer to explain; see `grad_cam`. Defaults to `None`.
        batch_size: int, images at a time. Defaults to `32`.
        originals: any, the photographs; see `grad_cam`. Defaults to `None`.

    Returns:
        `(batch, height, width)`, as `grad_cam`.

    Raises:
        ValueError: As `grad_cam`.

    Reference:
        Jiang et al.: LayerCAM: Exploring Hierarchical Class Activation Maps
        for Localization. IEEE TIP 2021.
    """
    return _maps(
        _layer_cam, model, images, target, layer, batch_size, originals
    )


def layer_values(model, images, layer, batch_size, target=None):
    """What a layer computes, and the gradient of the target's score by it.

    Args:
        model: `keras.Model`.
        images: array or structure.
        layer: as in `grad_cam`.
        batch_size: int, images at a time.
        target: as in `grad_cam`. Defaults to `None`.

    Yields:
        `(values, gradient)` of a batch, channels last, `(batch, height, width,
        channels)`.
    """
    count = checked_images(images)
    target = Target(target, count)
    layers = MapLayers(model, images)
    place = layers.explained(layer)
    gradients = Gradients(
        model, target, {place.path: place.layer}, last=layers.last
    )
    for batch, part in batches(images, batch_size):
        _, found = gradients(batch, part)
        values, gradient = _only(found, place.path)
        if gradient is None or not gradient.any():
            raise ValueError(
                f"The answer does not depend on layer {place.path!r}: its "
                "gradient is zero for every image. It is not on the way to "
                "the target, or what follows it is dead. Pass layer=, one of "
                f"{[one.path for one in layers.found][-8:]}"
            )
        values, gradient = (
            _channels_last(x, place, images) for x in (values, gradient)
        )
        yield values, gradient


def _maps(weighted, model, images, target, layer, batch_size, originals):
    back = way_back(images, originals)
    maps = [
        np.maximum(weighted(values, gradient), 0)
        for values, gradient in layer_values(
            model, images, layer, batch_size, target
        )
    ]
    return back(np.concatenate(maps))


def _grad_cam(values, gradient):
    weights = gradient.mean(_places(gradient), keepdims=True)
    return (weights * values).sum(-1)


def _grad_cam_plus_plus(values, gradient):
    places = _places(gradient)
    total = values.sum(places, keepdims=True)
    below = 2 * gradient**2 + gradient**3 * total
    share = np.divide(
        gradient**2, below, where=below != 0, out=np.zeros_like(below)
    )
    weights = (share * np.maximum(gradient, 0)).sum(places, keepdims=True)
    return (weights * values).sum(-1)


def _hires_cam(values, gradient):
    return (gradient * values).sum(-1)


def _layer_cam(values, gradient):
    return (np.maximum(gradient, 0) * values).sum(-1)


def _places(values):
    return tuple(range(1, values.ndim - 1))


def _only(found, path):
    if not found:
        raise ValueError(
            f"Layer {path!r} is not called when the model is: it is not on "
            "the way to the answers"
        )
    if len(found) > 1:
        raise ValueError(
            f"Layer {path!r} is called {len(found)} times: what it explains "
            "is not one map. Pass a layer that is called once"
        )
    return found[path]


def _channels_last(values, place, images):
    if values.ndim == 3:
        grid, prefix = tokens_to_grid(values.shape[1], images.shape[1:3])
        values = values[:, prefix:]
        return values.reshape(len(values), *grid, values.shape[-1])
    if values.ndim not in (4, 5):
        raise ValueError(
            f"The output of layer {place.path!r} is no map. Received: shape "
            f"{values.shape}"
        )
    return np.moveaxis(values, 1, -1) if place.channels_first else values
