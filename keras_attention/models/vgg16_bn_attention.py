"""VGG16_bn with attention at any of its layers."""

import keras

from keras_attention import layers
from keras_attention.features import VGG16BN
from keras_attention.internals import arguments
from keras_attention.surgery import insertion
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.rebuild import rebuild


def VGG16BNAttention(
    attention=None,
    *,
    identity_init=None,
    input_shape=None,
    input_tensor=None,
    classes=1000,
    classifier_activation="softmax",
    weights=None,
    adapt_channels=False,
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
        attention: dict `{where: what}` or `None`. `where` is a place as
            `attach` takes it: a block (`"block3"`, which is `"block3_pool"`),
            the name of any layer (`"block3_relu3"`), a glob, a class, a
            function, `"residual_adds"` or `"stage_ends"`. `what` is a key of
            `keras_attention.layers`, a configuration, a class or a layer; it is
            copied once a place. Other Keras layers work too:
            `keras.layers.GlobalAveragePooling2D()` pools a block uniformly.
            `None` or `{}` is the plain network. Defaults to `None`.
        identity_init: bool or `None`, of every attention layer that is
            inserted; `None` leaves it to each, which by default starts at
            random. Defaults to `None`.
        input_shape: tuple or `None`, `(height, width, channels)`; sizes may be
            `None`. `None` is the shape of `input_tensor`, or else
            `(None, None, 3)`. Defaults to `None`.
        input_tensor: symbolic tensor or `None`, what to use as the image;
            `None` makes a new input. Defaults to `None`.
        classes: int, number of classes. Defaults to `1000`.
        classifier_activation: str, callable or `None`, of the last layer;
            `None` returns logits. Defaults to `"softmax"`.
        weights: str, path, dict or `None`, for the convolutional blocks; see
            `VGG16BN`. A file that holds more is refused: for one of this
            whole network there is `model.load_weights`. With `"imagenet"`,
            which is fetched once, images go through
            `keras_attention.features.preprocess_input` first, on a scale of 0
            to 255. Defaults to `None`.
        adapt_channels: bool, whether weights of another number of channels
            are taken; see `VGG16BN`. Defaults to `False`.
        width_multiplier: float, scales the channels of every block. Defaults to
            `1.0`.
        dropout: float, rate in front of the classifier. Defaults to `0.0`.
        return_attention_scores: bool, whether the model returns
            `[predictions, *weights]`, one entry for each attention layer in the
            order of the dictionary, then of the network, float32. Defaults to
            `False`.
        name: str, of the model. Defaults to `"vgg16_bn_attention"`.

    Returns:
        A functional `keras.Model`. Layers are named as `attach` names them:
        `"cbam"` at `"block3"` is `block3_pool_cbam`.

    Raises:
        ValueError: For unknown mechanisms, for places that do not exist or
            are named twice, for `attention` that is no dictionary, and for
            arguments that `VGG16BN` rejects.

    Example:

    >>> model = VGG16BNAttention(
    ...     {"block3": "se", "block4": "gate"},
    ...     input_shape=(32, 32, 3), classes=10, width_multiplier=0.125,
    ... )
    >>> model.get_layer("block4_pool_gate").query_kind
    'map'
    >>> model.output_shape
    (None, 10)

    Reference:
        The taps: Jetley et al.: Learn to Pay Attention. ICLR 2018. Yan,
        Kawahara, Hamarneh: Melanoma Recognition via Visual Attention. IPMI
        2019.

    Cost:
        That of `VGG16BN` without its top, and of each mechanism.

    See also:
        `attach`, for any other network.
    """
    arguments.size("classes", classes)
    arguments.fraction("dropout", dropout)
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    arguments.boolean("return_attention_scores", return_attention_scores)
    if identity_init is not None:
        arguments.boolean("identity_init", identity_init)
    backbone = VGG16BN(
        include_top=False,
        weights=weights,
        adapt_channels=adapt_channels,
        input_tensor=input_tensor,
        input_shape=input_shape,
        width_multiplier=width_multiplier,
    )
    graph = read_graph(backbone)
    placed = _placed(graph, attention, identity_init)
    inserted = {
        where: layer for where, (layer, is_tap) in placed.items() if not is_tap
    }
    backbone, maps = _insert(graph, inserted, return_attention_scores)

    # Global context, then one vector a tap.
    deepest = backbone.output
    pooled = keras.layers.GlobalAveragePooling2D(name="global_pool")(deepest)
    vectors = [pooled]
    for where, (layer, is_tap) in placed.items():
        if is_tap:
            features = backbone.get_layer(where).output
            context, maps[where] = _tap(
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
        activation=activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        name="predictions",
    )(x)
    outputs = predictions
    if return_attention_scores:
        weights = [maps[where] for where in placed if maps[where] is not None]
        if not weights:
            raise ValueError(
                "return_attention_scores=True needs at least one attention "
                f"layer. Received: attention={attention!r}"
            )
        outputs = [predictions, *weights]
    return keras.Model(backbone.inputs, outputs, name=name)


def _placed(graph, attention, identity_init):
    """`{name of a layer: (what follows or taps it, whether it taps)}`."""
    if attention is None or attention == {}:
        return {}
    places.check_dictionary(attention)
    names = {operation.name for operation in graph.operations}
    placed = {}
    for where, place in places.find_all(graph, attention):
        what = attention[where]
        features = places.the_map(place, where, "attention")
        is_tap = not _keeps_map(insertion.given_layer(what), features)
        common = (what, place, features, graph, names)
        layer = (
            insertion.new_layer(*common)
            if is_tap
            else insertion.insertable_layer(*common, identity_init)
        )
        if "/" in place.path:
            raise ValueError(
                f"attention names {where!r}, which matches {place.path!r}, a "
                "layer of the model that input_tensor comes from. Name a "
                "layer of the network itself."
            )
        placed[place.path] = layer, is_tap
    return placed


def _keeps_map(layer, features):
    if isinstance(layer, layers.AttentionLayer2D):
        return layer.is_insertable
    return layer.compute_output_shape(features.shape) == features.shape


def _insert(graph, inserted, return_scores):
    """Puts layers behind the ones they name.

    Returns:
        The network and `{name: weights}` of what was inserted. The network
        is a copy: shared layers would still belong to the old graph.
    """
    if not inserted:
        return graph.model, {}
    maps = {}

    def followed_by(name, layer):
        def call(copy, *args, **kwargs):
            outputs = copy(*args, **kwargs)
            outputs, maps[name] = attend(layer, return_scores, outputs)
            return outputs

        return call

    edits = {
        id(graph.model.get_layer(name)): followed_by(name, layer)
        for name, layer in inserted.items()
    }
    return rebuild(graph, edits, inputs=graph.model.input), maps


def _tap(layer, features, deepest, pooled, return_scores):
    """The vector that a layer makes of features, and its weights."""
    query = {"map": deepest, "vector": pooled}.get(
        getattr(layer, "query_kind", None)
    )
    inputs = [features] if query is None else [features, query]
    outputs, weights = attend(layer, return_scores, *inputs)
    if len(outputs.shape) == 4:
        pool = keras.layers.GlobalAveragePooling2D(name=f"{layer.name}_pool")
        outputs = pool(outputs)
    elif len(outputs.shape) == 3:
        flatten = keras.layers.Flatten(name=f"{layer.name}_flatten")
        outputs = flatten(outputs)
    return outputs, weights


def attend(layer, return_scores, *inputs):
    """Outputs, and weights if wanted; other Keras layers have none."""
    if return_scores and isinstance(layer, layers.AttentionLayer2D):
        return layer(*inputs, return_attention_scores=True)
    return layer(*inputs), None
