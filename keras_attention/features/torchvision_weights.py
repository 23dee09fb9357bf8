"""torchvision's VGG weights in Keras models.

The two libraries name the same arrays differently and order their axes
differently:

| torchvision | Keras | axes there | axes here |
|---|---|---|---|
| `features.7`, convolution | `block2_conv1` | `(O, I, h, w)` | `(h, w, I, O)` |
| `features.8`, normalization | `block2_bn1` | `(C,)` | `(C,)` |
| `classifier.0` | `fc1` | `(out, in)` | `(in, out)` |
| `classifier.3` | `fc2` | `(out, in)` | `(in, out)` |
| `classifier.6` | `predictions` | `(out, in)` | `(in, out)` |

torchvision flattens a map as `(C, H, W)` and Keras as `(H, W, C)`, hence the
rows of `fc1` change places too.
"""

import re

import keras

from keras_attention.features.pretrained.fit import fill
from keras_attention.features.pretrained.fit import named
from keras_attention.features.pretrained.fit import torch_target

_CLASSIFIER = {
    "classifier.0": "fc1",
    "classifier.3": "fc2",
    "classifier.6": "predictions",
}
_FIRST = "features.0.weight"


def load_torchvision_state(model, state, adapt_channels=False):
    """Fills a VGG with the arrays of a torchvision state dictionary.

    Every weight is accounted for: all weights of the model's VGG layers come
    from `state`, and all arrays of `state` find their layer. Exceptions, on
    purpose: the counters `num_batches_tracked` have no counterpart in Keras,
    and for a model without top the arrays `classifier.*` are left out. Layers
    that are not VGG's, such as attention put between the blocks, stay as they
    are.

    Args:
        model: `keras.Model` of `keras_attention.features`, of any width, or one
            that was made of it and kept the layers' names.
        state: dict, the arrays, NumPy's or torch's, by torchvision's names. The
            prefix `module.` of `torch.nn.DataParallel` is accepted.
        adapt_channels: bool, whether the first convolution is made to fit
            images of another number of channels, see `VGG16BN`. Defaults to
            `False`.

    Raises:
        ValueError: If arrays are missing, unexpected or of another shape, if
            they hold NaN, complex numbers or negative variances, or if the
            model is quantized or has LoRA. No weight has changed then.

    Example:

    >>> import numpy as np
    >>> from keras_attention.features import VGG16BN
    >>> model = VGG16BN(include_top=False, width_multiplier=1 / 64)
    >>> load_torchvision_state(model, {"features.0.bias": np.ones(1)})
    Traceback (most recent call last):
    ...
    ValueError: The state does not fit the model 'vgg16_bn'.
    Missing: features.0.weight, features.1.weight, features.1.bias,
    features.1.running_mean and 73 more.
    """
    targets = _targets(model)
    state = _without_prefix(named(state))
    state = {
        name: value
        for name, value in state.items()
        if not name.endswith(".num_batches_tracked")
    }
    if "classifier.0.weight" not in targets:
        state = {
            name: value
            for name, value in state.items()
            if not name.startswith("classifier.")
        }
    if adapt_channels:
        targets[_FIRST] = targets[_FIRST]._replace(channels_axis=1)
    fill(model, targets, state)


def _targets(model):
    """The model's weights by torchvision's names."""
    layers = [layer.name for layer in model.layers]
    matches = (re.fullmatch(r"block(\d+)_conv(\d+)", name) for name in layers)
    places = sorted(
        (int(match[1]), int(match[2])) for match in matches if match
    )
    if not places:
        raise ValueError(
            "model must have VGG's layers block1_conv1, block1_conv2, ... "
            f"Received: model={model.name!r} with layers {layers[:8]}"
        )
    normalized = any(re.fullmatch(r"block\d+_bn\d+", name) for name in layers)
    # Convolution, normalization (if any) and ReLU each take one place in
    # torchvision's list, and so does the pooling that ends a block.
    stride = 3 if normalized else 2
    targets = {}
    for position, (block, number) in enumerate(places):
        index = stride * position + block - 1
        convolution = model.get_layer(f"block{block}_conv{number}")
        targets |= _variables(f"features.{index}", convolution)
        if normalized:
            norm = model.get_layer(f"block{block}_bn{number}")
            targets |= _variables(f"features.{index + 1}", norm)
    if "fc1" in layers:
        for name, layer in _CLASSIFIER.items():
            targets |= _variables(name, model.get_layer(layer))
        # A dense layer's inputs are ordered (channels, positions) there: for
        # fc1 by the last map, for the others with a single position.
        first = targets["classifier.0.weight"]
        targets["classifier.0.weight"] = first._replace(
            to_keras=_rows_of_maps(convolution.filters)
        )
    return targets


def _variables(prefix, layer):
    names = ["weight", "bias"]
    if isinstance(layer, keras.layers.BatchNormalization):
        names += ["running_mean", "running_var"]
    if len(layer.weights) != len(names):
        raise ValueError(
            f"Layer {layer.name!r} must have the weights {names}; load a "
            "state before quantizing the model or enabling LoRA. Received: "
            f"{[variable.name for variable in layer.weights]}"
        )
    return {
        f"{prefix}.{name}": torch_target(variable)
        for name, variable in zip(names, layer.weights, strict=True)
    }


def _rows_of_maps(channels):
    """`(out, C * H * W)` to `(H * W * C, out)`."""

    def to_keras(array):
        split = array.reshape(len(array), channels, -1)
        return split.transpose(2, 1, 0).reshape(-1, len(array))

    return to_keras


def _without_prefix(state):
    if all(name.startswith("module.") for name in state):
        return {name[len("module.") :]: state[name] for name in state}
    return state
