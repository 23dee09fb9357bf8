"""Where to look in low resolution, and a network that sees only that."""

import keras
from keras import ops

from keras_attention.features import VGG16BN
from keras_attention.internals import arguments
from keras_attention.tasks.glimpses.patch_sampling import PatchSampling2D
from keras_attention.tasks.glimpses.patch_sampling import fit_in
from keras_attention.tasks.glimpses.patches import PerPatch
from keras_attention.tasks.glimpses.patches import pair

_BLIND = ("uniform", "centre")


def AttentionSampling(
    input_shape,
    classes=1000,
    *,
    attention_network=None,
    feature_network=None,
    num_patches=10,
    patch_size=32,
    scale=8,
    inference="top",
    entropy_weight=0.01,
    unit_features=True,
    weigh_again=False,
    width_multiplier=1.0,
    classifier_activation="softmax",
    seed=None,
    name="attention_sampling",
):
    """A classifier of large images that sees a few patches of each.

    The image at `1 / scale` of its size goes through the attention network,
    whose map of scores a `PatchSampling2D` draws patches from. The feature
    network sees these alone, at full resolution, and the sum of their features
    under the weights of the draw is what is classified:

        image -> 1 / scale -> scores -> K places -> K patches -> sum -> classes

    Args:
        input_shape: tuple `(height, width, channels)`, of known sizes.
        classes: int, number of classes. Defaults to `1000`.
        attention_network: str, callable, layer, model or `None`, from
            `(batch, height / scale, width / scale, channels)` to scores
            `(batch, rows, columns, 1)`. `None` is three convolutions with 8, 16
            and 16 filters and a linear one. Two strings are controls that look
            at nothing: `"uniform"` draws from all places alike, outside
            training too, and `"centre"` has one place, the image's middle, and
            thus `num_patches=1`. Defaults to `None`.
        feature_network: callable, layer, model or `None`, from a patch to a
            vector; `None` is `VGG16BN` up to the average of its last block.
            Defaults to `None`.
        num_patches: int, `K`. Defaults to `10`.
        patch_size: int or tuple `(height, width)`, in pixels. Defaults to `32`.
        scale: int, how much smaller the image is that is looked at first.
            Defaults to `8`.
        inference: str, `"top"` or `"sample"`; see `PatchSampling2D`. Defaults
            to `"top"`.
        entropy_weight: float, against settling too early; see
            `PatchSampling2D`. Defaults to `0.01`.
        unit_features: bool, whether the features of a patch are divided by
            their length. Without it, attention may learn to look at nothing
            before there is anything to see: the features of an empty place are
            the shortest, and err least. A feature network that has learned
            before, and is not trained on, needs none of it. Defaults to `True`.
        weigh_again: bool, whether what a patch shows may change its weight: a
            linear score `s_k` of its features, 0 at first, makes of the weights
            of the draw `w_k exp(s_k)`, divided by their sum. Many places look
            alike from afar, and what was drawn for nothing should not count.
            Where this learns before the search has, nobody searches: the patch
            that matters is told from the others, and its weight need not rise.
            Let `patch_scores` learn last. Defaults to `False`.
        width_multiplier: float, of `VGG16BN`, if that is the feature network.
            Defaults to `1.0`.
        classifier_activation: str, callable or `None`, of the last layer;
            `None` returns logits. Defaults to `"softmax"`.
        seed: int or `None`, of the draws. Defaults to `None`.
        name: str, of the model. Defaults to `"attention_sampling"`.

    Returns:
        A functional `keras.Model`. Its layer `patch_sampling` has the map.

    Raises:
        ValueError: For arguments out of their range, patches larger than the
            image or the image at `1 / scale`, and more patches than places.

    Example:

    >>> model = AttentionSampling(
    ...     (256, 256, 1), classes=10, num_patches=4, width_multiplier=0.125
    ... )
    >>> model.get_layer("patch_sampling").output[0].shape
    (None, 4, 32, 32, 1)
    >>> model.output_shape
    (None, 10)

    Reference:
        Katharopoulos, Fleuret: Processing Megapixel Images with Deep
        Attention-Sampling Models. ICML 2019.

    Differs from the paper:
        There the networks are a small ResNet and a few convolutions of which
        some have a bound. Give both networks to have it so.

    Cost:
        The feature network's for `K` patches, and the attention network's for
        `1 / scale**2` of the pixels; the dense network pays for all of them.

    See also:
        `RecurrentGlimpses`, which looks again where the last look leads it.
    """
    arguments.size("classes", classes)
    arguments.size("scale", scale)
    arguments.boolean("unit_features", unit_features)
    arguments.boolean("weigh_again", weigh_again)
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    patch_size = pair("patch_size", patch_size)
    image = keras.Input(input_shape, name="image")
    if len(image.shape) != 4 or None in image.shape[1:]:
        expected = "(height, width, channels) of known sizes"
        raise ValueError(
            arguments.invalid("input_shape", input_shape, expected)
        )
    fit_in(patch_size, image.shape[1:3])
    fit_in((scale, scale), image.shape[1:3])
    view = keras.layers.AveragePooling2D(
        scale, data_format="channels_last", name="view"
    )(image)
    scores = _scores(attention_network, view)
    patches, weights = PatchSampling2D(
        num_patches,
        patch_size,
        inference="sample" if attention_network == "uniform" else inference,
        entropy_weight=0.0 if attention_network in _BLIND else entropy_weight,
        seed=seed,
        name="patch_sampling",
    )(image, scores)
    if feature_network is None:
        feature_network = VGG16BN(
            include_top=False,
            pooling="avg",
            input_shape=patches.shape[2:],
            width_multiplier=width_multiplier,
        )
    features = PerPatch(feature_network, name="patch_features")(patches)
    if unit_features:
        unit = keras.layers.UnitNormalization(axis=-1, name="unit_features")
        features = unit(features)
    if weigh_again:
        weights = _weighed_again(weights, features)
    context = keras.layers.Dot(axes=1, name="context")([weights, features])
    predictions = keras.layers.Dense(
        classes, activation=activation, name="predictions"
    )(context)
    return keras.Model(image, predictions, name=name)


def _weighed_again(weights, features):
    """`(batch, K)`: the weights of the draw times the odds of what is seen."""
    scores = keras.layers.Dense(
        1, use_bias=False, kernel_initializer="zeros", name="patch_scores"
    )(features)
    scores = ops.cast(scores[..., 0], weights.dtype)
    # A weight of 0 stays almost 0, and has no gradient of its logarithm.
    return ops.softmax(ops.log(ops.maximum(weights, 1e-30)) + scores)


def _scores(network, view):
    """`(batch, rows, columns, 1)`, of a network or of none."""
    if network == "uniform":
        return ops.zeros_like(view[..., :1])
    if network == "centre":
        return ops.zeros_like(view[:, :1, :1, :1])
    if network is not None:
        return network(view)
    x = view
    for number, filters in enumerate((8, 16, 16), start=1):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            data_format="channels_last",
            name=f"attention_conv{number}",
        )(x)
    return keras.layers.Conv2D(
        1,
        1,
        use_bias=False,  # a map does not change with it
        data_format="channels_last",
        name="attention_scores",
    )(x)
