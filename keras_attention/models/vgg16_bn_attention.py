"""VGG16_bn with attention at any of its layers."""

import difflib

import keras

from keras_attention import layers
from keras_attention.features import VGG16BN
from keras_attention.internals import arguments
from keras_attention.surgery.rebuild import rebuild


def VGG16BNAttention(
    attention=None,
    *,
    input_shape=None,
    input_tensor=None,
    classes=1000,
    classifier_activation="softmax",
    weights=None,
    width_multiplier=1.0,
    dropout=0.0,
    return_attention_scores=False,
    name="vgg16_bn_attention",
):
    """VGG16_bn whose blocks are attended to, as a functional model.

    The head is global average pooling and one dense layer, so that maps of
    any size work. Attention enters in one of two ways:

    - a mechanism that keeps the shape of its map (`"se"`) is *inserted*
      behind the layer that is named;
    - a mechanism that pools or gates (`"attn_pool"`, `"gate"`) *taps* that
      layer, with the last block's features as its query: as a map for a
      gate, averaged to a vector for a pooling layer. The vector that it
      gives joins the classifier's input, `[global, first tap, ...]`.

    Args:
        attention: A dictionary `{where: what}`. `where` is a block
            (`"block3"`, which means `"block3_pool"`) or the name of any layer
            (`"block3_relu3"`). `what` is a key of `keras_attention.layers`,
            a configuration, a class or a layer; a layer is copied. Other
            Keras layers work too: `keras.layers.GlobalAveragePooling2D()`
            pools a block uniformly. `None` or `{}` is the plain network.
        input_shape: `(height, width, channels)`; sizes may be `None`.
        input_tensor: Optional Keras tensor to use as the image.
        classes: Number of classes.
        classifier_activation: Of the last layer; `None` returns logits.
        weights: For the convolutional blocks; see `VGG16BN`. With
            `"imagenet"`, which needs PyTorch to read and is fetched once,
            images go through `keras_attention.features.preprocess_input`
            first, on a scale of 0 to 255.
        width_multiplier: Scales the channels of every block.
        dropout: Rate in front of the classifier.
        return_attention_scores: Whether the model returns
            `[predictions, *weights]`, one entry for each attention layer in
            the order of the dictionary, float32.
        name: Of the model.

    Returns:
        A functional `keras.Model`. The attention layer at `"block3"` is named
        `block3_attention`, any other Keras layer `block3_context`.

    Raises:
        ValueError: For unknown mechanisms, for places that do not exist or
            are named twice, and for arguments that `VGG16BN` rejects.

    Example:

    >>> model = VGG16BNAttention(
    ...     {"block3": "se", "block4": "gate"},
    ...     input_shape=(32, 32, 3), classes=10, width_multiplier=0.125,
    ... )
    >>> model.get_layer("block4_attention").query_kind
    'map'
    >>> model.output_shape
    (None, 10)

    Reference:
        The taps: Jetley et al.: Learn to Pay Attention. ICLR 2018. Yan,
        Kawahara, Hamarneh: Melanoma Recognition via Visual Attention. IPMI
        2019.

    Cost:
        That of `VGG16BN` without its top, and of each mechanism.
    """
    arguments.positive_int("classes", classes)
    arguments.fraction("dropout", dropout)
    backbone = VGG16BN(
        include_top=False,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        width_multiplier=width_multiplier,
    )
    placed = _place(backbone, attention or {})
    backbone, scores = _insert(backbone, placed, return_attention_scores)

    # Global context, then one vector a tap.
    deepest = backbone.output
    pooled = keras.layers.GlobalAveragePooling2D(name="global_pool")(deepest)
    vectors = [pooled]
    for where, layer in placed.items():
        if where not in scores:
            features = backbone.get_layer(where).output
            context, scores[where] = _tap(
                layer, features, deepest, pooled, return_attention_scores
            )
            vectors.append(context)
    x = vectors[0]
    if len(vectors) > 1:
        x = keras.layers.Concatenate(name="context")(vectors)

    # Classifier
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    predictions = keras.layers.Dense(
        classes,
        activation=classifier_activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        name="predictions",
    )(x)
    outputs = predictions
    if return_attention_scores:
        maps = [scores[where] for where in placed if scores[where] is not None]
        if not maps:
            raise ValueError(
                "return_attention_scores=True needs at least one attention "
                f"layer. Received: attention={attention!r}"
            )
        outputs = [predictions, *maps]
    return keras.Model(backbone.inputs, outputs, name=name)


def _place(backbone, attention):
    """`{layer name: attention layer}`, every place known and used once."""
    placed = {}
    for where, what in attention.items():
        name = _find(backbone, where)
        if name in placed:
            raise ValueError(
                f"attention names the layer {name!r} twice. Received: "
                f"{list(attention)}"
            )
        placed[name] = _copy(what, where)
    return placed


def _find(backbone, where):
    names = [
        layer.name
        for layer in backbone.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    for name in (f"{where}_pool", where):
        if name in names:
            return name
    blocks = [n.removesuffix("_pool") for n in names if n.endswith("_pool")]
    nearest = difflib.get_close_matches(str(where), blocks + names, n=3)
    hint = f" Did you mean {', '.join(map(repr, nearest))}?" if nearest else ""
    raise ValueError(
        f"attention names {where!r}, which is no block or layer of the "
        f"network.{hint} Blocks: {', '.join(blocks)}; or the name of a layer "
        "such as 'block3_relu3'."
    )


def _copy(what, where):
    """A new layer, named after its place."""
    layer = layers.get(what)
    is_attention = isinstance(layer, layers.AttentionLayer2D)
    name = f"{where}_{'attention' if is_attention else 'context'}"
    return type(layer).from_config({**layer.get_config(), "name": name})


def _insert(backbone, placed, return_scores):
    """Puts layers that keep their map's shape behind the ones they name.

    Returns:
        The network and `{where: weights}` of what was inserted. The network
        is a copy: shared layers would still belong to the old graph.
    """
    inserted = {
        where: layer
        for where, layer in placed.items()
        if _keeps_shape(layer, backbone.get_layer(where).output)
    }
    if not inserted:
        return backbone, {}
    scores = {}

    def followed_by(where, layer):
        def call(copy, *args, **kwargs):
            outputs = copy(*args, **kwargs)
            outputs, scores[where] = _attend(layer, return_scores, outputs)
            return outputs

        return call

    edits = {
        id(backbone.get_layer(where)): followed_by(where, layer)
        for where, layer in inserted.items()
    }
    return rebuild(backbone, edits, inputs=backbone.input), scores


def _tap(layer, features, deepest, pooled, return_scores):
    """The vector that a layer makes of features, and its weights."""
    query = {"map": deepest, "vector": pooled}.get(
        getattr(layer, "query_kind", None)
    )
    inputs = [features] if query is None else [features, query]
    outputs, scores = _attend(layer, return_scores, *inputs)
    if len(outputs.shape) == 4:
        pool = keras.layers.GlobalAveragePooling2D(name=f"{layer.name}_pool")
        outputs = pool(outputs)
    elif len(outputs.shape) == 3:
        flatten = keras.layers.Flatten(name=f"{layer.name}_flatten")
        outputs = flatten(outputs)
    return outputs, scores


def _attend(layer, return_scores, *inputs):
    """Outputs, and weights if wanted; other Keras layers have none."""
    if return_scores and isinstance(layer, layers.AttentionLayer2D):
        return layer(*inputs, return_attention_scores=True)
    return layer(*inputs), None


def _keeps_shape(layer, features):
    if isinstance(layer, layers.AttentionLayer2D):
        return layer.shape_preserving and layer.query_kind is None
    return layer.compute_output_shape(features.shape) == features.shape
