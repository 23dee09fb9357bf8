"""VGG19, with and without batch normalization."""

from keras_attention.features import vgg


def VGG19(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    width_multiplier=1.0,
    adapt_channels=False,
    name="vgg19",
):
    """VGG19: torchvision's `vgg19` in Keras.

    Sixteen 3 x 3 convolutions in five blocks, each followed by a ReLU; a 2 x 2
    max-pooling ends a block:

        block1  2 convolutions   64 filters  224 -> 112
        block2  2 convolutions  128 filters  112 ->  56
        block3  4 convolutions  256 filters   56 ->  28
        block4  4 convolutions  512 filters   28 ->  14
        block5  4 convolutions  512 filters   14 ->   7
        flatten, fc1 4096, fc2 4096, predictions

    The layers are `block3_conv2`, `block3_relu2`, `block3_pool`, and on top
    `flatten`, `fc1`, `fc1_dropout`, `fc2`, `fc2_dropout`, `predictions`.

    Args:
        include_top: bool, whether the classifier follows the last block.
            Defaults to `True`.
        weights: str, path, dict or `None`, where the weights come from:

            - `None`: random, initialised as torchvision does.
            - `"imagenet"`: torchvision's `IMAGENET1K_V1` (72.38 % top-1),
              fetched once, about 500 MB. Images go through
              `preprocess_input` first.
            - a path to a `.pth`, `.safetensors` or `.npz` file with
              torchvision's names, or to a `.weights.h5` or `.keras` file of
              this network, see `read_weights`.
            - a dictionary of arrays by either's names.

            All weights come from there, or none and a report is raised.

            Defaults to `None`.
        input_tensor: symbolic tensor or `None`, what to use as the
            image; `None` makes a new input. Defaults to `None`.
        input_shape: tuple or `None`, `(height, width, channels)`, in the
            order of `keras.config.image_data_format()`. Heights and widths
            are at least 32, and may be `None` without the top; any number of
            channels. `None` is the shape of `input_tensor`, or else
            `(224, 224, 3)` with the top and `(None, None, 3)` without.
            Defaults to `None`.
        pooling: str or `None`, what follows the last block without the top:
            `None` for its map, `"avg"` or `"max"` for a global pooling.
            Defaults to `None`.
        classes: int, units of `predictions`, used with the top only.
            Defaults to `1000`.
        classifier_activation: str, callable or `None`, activation of
            `predictions`, used with the top only; `None` returns logits.
            Defaults to `"softmax"`.
        width_multiplier: float, scales the filters of every convolution and
            the units of `fc1` and `fc2`; a positive multiple of 1/64, as
            block 1 has 64 filters. Defaults to `1.0`.
        adapt_channels: bool, whether weights of another number of channels
            are taken: each channel gets the sum of the first kernel over its
            own, divided by their new number. A grey image gives what it gave
            in three equal channels. Defaults to `False`.
        name: str, the model's name. Defaults to `"vgg19"`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)` with the top, to
        `(batch, height // 32, width // 32, filters)` without, and to
        `(batch, filters)` with `pooling`.

    Raises:
        ValueError: For an argument out of its range, for `"imagenet"` with
            another width, channel number, class number or final map than
            the published network's, and for weights that do not fit.
        ConnectionError: If published weights cannot be fetched.

    Example:

    >>> backbone = VGG19(include_top=False, width_multiplier=1 / 64)
    >>> backbone.output_shape
    (None, None, None, 8)
    >>> backbone.get_layer("block3_pool").output.shape
    (None, None, None, 4)

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556)

    Differs from the paper:
        Kaiming initialisation, which needs no staged training of ever deeper
        networks.

    Differs from torchvision:
        The classifier reads the last map at its own size, where torchvision
        pools any map to 7 x 7 (the same for images of 224 to 255 pixels).

    Differs from `keras.applications.VGG16` and `VGG19`:
        Those have no batch normalization and other preprocessing, and their
        weights do not fit.

    Cost:
        143,667,240 trainable parameters and 19.6 G multiply-adds for an image
        of 224 x 224. Both shrink roughly with the square of `width_multiplier`.
    """
    return vgg.network(
        "vgg19",
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        width_multiplier=width_multiplier,
        adapt_channels=adapt_channels,
        name=name,
    )


def VGG19BN(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    width_multiplier=1.0,
    adapt_channels=False,
    name="vgg19_bn",
):
    """VGG19 with batch normalization: torchvision's `vgg19_bn` in Keras.

    Sixteen 3 x 3 convolutions in five blocks, each followed by batch
    normalization and ReLU; a 2 x 2 max-pooling ends a block:

        block1  2 convolutions   64 filters  224 -> 112
        block2  2 convolutions  128 filters  112 ->  56
        block3  4 convolutions  256 filters   56 ->  28
        block4  4 convolutions  512 filters   28 ->  14
        block5  4 convolutions  512 filters   14 ->   7
        flatten, fc1 4096, fc2 4096, predictions

    The layers are `block3_conv2`, `block3_bn2`, `block3_relu2`, `block3_pool`,
    and on top `flatten`, `fc1`, `fc1_dropout`, `fc2`, `fc2_dropout`,
    `predictions`.

    Args:
        include_top: bool, whether the classifier follows the last block.
            Defaults to `True`.
        weights: str, path, dict or `None`, where the weights come from:

            - `None`: random, initialised as torchvision does.
            - `"imagenet"`: torchvision's `IMAGENET1K_V1` (74.22 % top-1),
              fetched once, about 500 MB. Images go through
              `preprocess_input` first.
            - a path to a `.pth`, `.safetensors` or `.npz` file with
              torchvision's names, or to a `.weights.h5` or `.keras` file of
              this network, see `read_weights`.
            - a dictionary of arrays by either's names.

            All weights come from there, or none and a report is raised.

            Defaults to `None`.
        input_tensor: symbolic tensor or `None`, what to use as the
            image; `None` makes a new input. Defaults to `None`.
        input_shape: tuple or `None`, `(height, width, channels)`, in the
            order of `keras.config.image_data_format()`. Heights and widths
            are at least 32, and may be `None` without the top; any number of
            channels. `None` is the shape of `input_tensor`, or else
            `(224, 224, 3)` with the top and `(None, None, 3)` without.
            Defaults to `None`.
        pooling: str or `None`, what follows the last block without the top:
            `None` for its map, `"avg"` or `"max"` for a global pooling.
            Defaults to `None`.
        classes: int, units of `predictions`, used with the top only.
            Defaults to `1000`.
        classifier_activation: str, callable or `None`, activation of
            `predictions`, used with the top only; `None` returns logits.
            Defaults to `"softmax"`.
        width_multiplier: float, scales the filters of every convolution and
            the units of `fc1` and `fc2`; a positive multiple of 1/64, as
            block 1 has 64 filters. Defaults to `1.0`.
        adapt_channels: bool, whether weights of another number of channels
            are taken: each channel gets the sum of the first kernel over its
            own, divided by their new number. A grey image gives what it gave
            in three equal channels. Defaults to `False`.
        name: str, the model's name. Defaults to `"vgg19_bn"`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)` with the top, to
        `(batch, height // 32, width // 32, filters)` without, and to
        `(batch, filters)` with `pooling`.

    Raises:
        ValueError: For an argument out of its range, for `"imagenet"` with
            another width, channel number, class number or final map than
            the published network's, and for weights that do not fit.
        ConnectionError: If published weights cannot be fetched.

    Example:

    >>> backbone = VGG19BN(include_top=False, width_multiplier=1 / 64)
    >>> backbone.output_shape
    (None, None, None, 8)
    >>> backbone.get_layer("block3_pool").output.shape
    (None, None, None, 4)

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556)
        - [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)

    Differs from the paper:
        Batch normalization (epsilon 1e-5, momentum 0.9) after every
        convolution, which needs no staged training of ever deeper networks.

    Differs from torchvision:
        The classifier reads the last map at its own size, where torchvision
        pools any map to 7 x 7 (the same for images of 224 to 255 pixels); and
        the moving variance follows the biased variance of a batch, torch's the
        unbiased one.

    Differs from `keras.applications.VGG16` and `VGG19`:
        Those have no batch normalization and other preprocessing, and their
        weights do not fit.

    Cost:
        143,678,248 trainable parameters and 19.6 G multiply-adds for an image
        of 224 x 224. Both shrink roughly with the square of `width_multiplier`.
    """
    return vgg.network(
        "vgg19_bn",
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        width_multiplier=width_multiplier,
        adapt_channels=adapt_channels,
        name=name,
    )
