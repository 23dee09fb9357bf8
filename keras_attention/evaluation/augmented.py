"""A model asked about an image, its mirror images and its turns."""

import keras
import numpy as np

from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals import arguments

# Turns by 90 degrees, then a mirror; a mirror is its own way back.
_TRANSFORMS = {
    "identity": (0, False),
    "horizontal": (0, True),
    "vertical": (2, True),
    "rotate_90": (1, False),
    "rotate_180": (2, False),
    "rotate_270": (3, False),
    "transpose": (1, True),
    "transverse": (3, True),
}
_SETS = {
    "flips": ("identity", "horizontal", "vertical", "rotate_180"),
    "dihedral": tuple(_TRANSFORMS),
}
_ACTIVATIONS = {
    "softmax": keras.activations.softmax,
    "sigmoid": keras.activations.sigmoid,
}


def predict_tta(
    model,
    images,
    transforms="flips",
    *,
    activation=None,
    return_attention=False,
    batch_size=32,
):
    """Test-time augmentation: the mean of the answers to an image's copies.

    `p(x) = 1 / T sum_t p(t(x))` over mirror images and turns `t`, which change
    no pixel; probabilities are averaged and not logits. Attention maps are
    turned back before they are averaged, `t^-1(a(t(x)))`, so that they lie on
    the image as it is.

    Args:
        model: `keras.Model` of one input `(batch, height, width, channels)`
            and one output `(batch, classes)`.
        images: array `(count, height, width, channels)`.
        transforms: str or sequence of str, of `"identity"`, `"horizontal"`
            (mirrored left to right), `"vertical"`, `"rotate_90"`,
            `"rotate_180"`, `"rotate_270"` (counterclockwise), `"transpose"`
            and `"transverse"`; `"flips"` are the four that keep height and
            width, `"dihedral"` all eight. Defaults to `"flips"`.
        activation: str or `None`, `"softmax"` or `"sigmoid"` of a model that
            returns logits; `None` for one that returns probabilities. Defaults
            to `None`.
        return_attention: bool, whether maps are returned too. Defaults to
            `False`.
        batch_size: int, copies that are asked together. Defaults to `32`.

    Returns:
        `(count, classes)`, float32; with `return_attention=True` a pair of
        these and a dict of the names of spatial attention layers to their
        maps, as `AttentionExtractor` has them. Channel weights and those of
        pairs are left out.

    Raises:
        ValueError: For unknown transforms, turns by 90 degrees of images that
            are not square, outputs that are no probabilities, images that are
            no batch.

    Example:

    >>> inputs = keras.Input((4, 4, 1))
    >>> x = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(inputs))
    >>> model = keras.Model(inputs, x)
    >>> images = np.random.default_rng(0).random((3, 4, 4, 1), "float32")
    >>> seen = predict_tta(model, images, "dihedral")
    >>> turned = predict_tta(model, np.rot90(images, axes=(1, 2)), "dihedral")
    >>> bool(np.abs(seen - turned).max() < 1e-6)
    True

    Reference:
        Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep
        Convolutional Neural Networks. NeurIPS 2012, section 4.1, averages over
        crops and mirror images.

    Cost:
        As many predictions as there are transforms.
    """
    arguments.positive_int("batch_size", batch_size)
    arguments.one_of("activation", activation, (None, *_ACTIVATIONS))
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        expected = "(count, height, width, channels), not empty"
        raise ValueError(arguments.invalid("images", images.shape, expected))
    names = _names(transforms, images.shape)
    answer = WholeBatches(AttentionExtractor(model))
    means, total = None, len(names)
    for name in names:
        turned = _turned(images, name, (1, 2))
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            outputs, weights = answer(turned[part])
            found = {"": _probabilities(outputs, activation)}
            kinds = weights_kinds(model, weights) if return_attention else {}
            for layer, kind in kinds.items():
                if kind == "spatial":
                    maps = np.asarray(weights[layer], "float32")
                    found[layer] = _back(maps, name, (-2, -1))
            if means is None:
                means = {
                    key: np.zeros((len(images), *value.shape[1:]), "float32")
                    for key, value in found.items()
                }
            for key, value in found.items():
                means[key][part] += value / total
    outputs = means.pop("")
    return (outputs, means) if return_attention else outputs


def _names(transforms, shape):
    if isinstance(transforms, str):
        transforms = _SETS.get(transforms, (transforms,))
    names = tuple(transforms)
    unknown = [name for name in names if name not in _TRANSFORMS]
    if unknown or not names or len({*names}) != len(names):
        expected = (
            f"different ones of {', '.join(_TRANSFORMS)}, or 'flips' or "
            "'dihedral'"
        )
        raise ValueError(arguments.invalid("transforms", transforms, expected))
    lying = [name for name in names if _TRANSFORMS[name][0] % 2]
    if lying and shape[1] != shape[2]:
        raise ValueError(
            f"transforms: {', '.join(lying)} exchange height and width, which "
            f"are {shape[1]} and {shape[2]} of these images. Use 'flips'."
        )
    return names


def _turned(array, name, axes):
    turns, mirrored = _TRANSFORMS[name]
    array = np.rot90(array, turns, axes)
    return np.flip(array, axes[1]) if mirrored else array


def _back(array, name, axes):
    turns, mirrored = _TRANSFORMS[name]
    array = np.flip(array, axes[1]) if mirrored else array
    return np.rot90(array, -turns, axes)


def _probabilities(outputs, activation):
    if activation is not None:
        tensor = keras.ops.convert_to_tensor(outputs)
        outputs = _ACTIVATIONS[activation](tensor)
    outputs = keras.ops.convert_to_numpy(outputs)
    if outputs.ndim != 2:
        expected = "a model of one output (batch, classes)"
        raise ValueError(arguments.invalid("model", outputs.shape, expected))
    # NaN is in no interval.
    if not ((outputs >= 0) & (outputs <= 1)).all():
        raise ValueError(
            "The model's outputs are no probabilities: of logits say which "
            "activation makes them, activation='softmax' or 'sigmoid'. "
            f"Received: {outputs.min()} to {outputs.max()}"
        )
    return outputs
