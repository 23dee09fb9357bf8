"""Jetley's VGG: the global vector asks three maps, whose answers classify."""

import keras

from keras_attention import alignments
from keras_attention.features import network_arguments
from keras_attention.features import vgg
from keras_attention.internals import arguments
from keras_attention.layers import AttentionPooling2D
from keras_attention.models.vgg16_bn_attention import attend

_CONVOLUTIONS = (2, 2, 3, 3, 3, 1, 1)
_FILTERS = (64, 128, 256, 512, 512, 512, 512)
# VGG's first two poolings stand behind the last two blocks instead.
_FIRST_POOLED = 3
_TAPPED = (3, 4, 5)


def LearnToPayAttentionVGG(
    input_shape=(32, 32, 3),
    classes=100,
    *,
    num_maps=3,
    score="parametrized",
    alignment="softmax",
    combination="concat",
    tap="before",
    classifier_activation="softmax",
    width_multiplier=1.0,
    dropout=0.0,
    return_attention_scores=False,
    name="learn_to_pay_attention_vgg",
):
    """The network of "Learn to Pay Attention", for small images.

    A VGG for 32 x 32 pixels, with batch normalization, and without the first
    two poolings, so that its maps stay large. Behind its seven blocks a dense
    layer gives the global vector `g`. That is not classified: it asks up to
    three maps, and what they answer is.

        block1, block2     2 convolutions each, 64, 128 filters, 32
        block3, 4, 5       3 convolutions each, 256, 512, 512 filters,
                           32 -> 16 -> 8 -> 4: the maps `l`
        block6, block7     1 convolution each, 512 filters, 4 -> 2 -> 1
        global_vector      512 units, without activation

    `e_i = score(g, l_i)`, `a = alignment(e)`, `g_s = sum_i a_i l_i` for each
    map. A map with fewer channels than `g` is projected to as many first.

    The paper's names: (VGG-att3)-concat-pc has three maps, `"concat"` and
    `"parametrized"`; att2 and att1 `num_maps=2` and `1`, the deepest; indep
    `combination="indep"`; dp `score="dot"`.

    Args:
        input_shape: tuple `(height, width, channels)`, sizes of at least 32.
            Defaults to `(32, 32, 3)`.
        classes: int, number of classes. Defaults to `100`.
        num_maps: int, from 0 to 3, how many maps are asked, the deepest first.
            With 0 the global vector is classified: the VGG without attention.
            Defaults to `3`.
        score: str, class, dict or `Score`, `"parametrized"` (pc, `u . (g +
            l)`), `"dot"` (dp) or another one of `keras_attention.scores`.
            Defaults to `"parametrized"`.
        alignment: str, class, dict or `Alignment`, the same of
            `keras_attention.alignments`. With one whose weights do not sum to
            1, such as `"sigmoid"`, the weighted map is averaged in place of
            summed. Defaults to `"softmax"`.
        combination: str, `"concat"`, one classifier of all vectors side by
            side, or `"indep"`, one for each, whose answers are averaged.
            Defaults to `"concat"`.
        tap: str, whether maps are taken `"before"` their block's pooling or
            `"after"` it. Defaults to `"before"`.
        classifier_activation: str, callable or `None`, of every classifier.
            `None` gives logits; `"indep"` averages these, and not the
            probabilities. Defaults to `"softmax"`.
        width_multiplier: float, scales the channels of every block and the
            global vector. Defaults to `1.0`.
        dropout: float, rate in front of every classifier. Defaults to `0.0`.
        return_attention_scores: bool, whether the model returns
            `[predictions, *maps]`, from the first map to the deepest, for an
            image of 32 x 32 `(batch, 1, 32, 32)`, `(batch, 1, 16, 16)` and
            `(batch, 1, 8, 8)`, float32. Defaults to `False`.
        name: str, of the model. Defaults to `"learn_to_pay_attention_vgg"`.

    Returns:
        A functional `keras.Model` with 19,993,764 trainable parameters as it
        is, 19,758,756 without attention.

    Raises:
        ValueError: For arguments out of their range, for parts that cannot
            work together, and for maps to return where there are none.

    Example:

    >>> model = LearnToPayAttentionVGG(
    ...     classes=10, score="dot", combination="indep", num_maps=2,
    ...     width_multiplier=0.125, return_attention_scores=True,
    ... )
    >>> [output.shape for output in model.outputs]
    [(None, 10), (None, 1, 16, 16), (None, 1, 8, 8)]

    Reference:
        Jetley, Lord, Lee, Torr: Learn To Pay Attention. ICLR 2018.

    Differs from the paper:
        The layers are those of a port in PyTorch, whose parameters these are;
        that has sigmoids and means unless told otherwise, here the paper's
        softmax is the default. What follows from pc with a softmax, or anything
        else that only compares positions: `u . g` is the same for all of them,
        so maps and answers do not depend on the global vector, and its
        4,984,320 parameters from block 6 on are not trained. With `"dot"` or
        `"sigmoid"` they are. Convolutions are initialised as in `VGG16BN`.

    Cost:
        Attention adds 131,072 parameters for the first map's projection, 512
        a map for pc, and a wider classifier. Maps stay large in front of the
        first pooling: 3.9 G multiply-adds for an image of 32 x 32.

    See also:
        `VGG16BNAttention`, which taps VGG16_bn in the same way.
    """
    arguments.size("classes", classes)
    arguments.one_of("num_maps", num_maps, (0, 1, 2, 3))
    alignment = alignments.get(alignment)
    arguments.one_of("combination", combination, ("concat", "indep"))
    arguments.one_of("tap", tap, ("before", "after"))
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    arguments.fraction("dropout", dropout)
    arguments.boolean("return_attention_scores", return_attention_scores)
    if return_attention_scores and not num_maps:
        raise ValueError(
            "return_attention_scores=True needs at least one map. Received: "
            f"num_maps={num_maps}"
        )
    filters = network_arguments.scaled(_FILTERS, width_multiplier)
    image = network_arguments.image(None, input_shape, include_top=True)

    # Blocks, and the maps on the way
    x, maps = image, {}
    for number, width in enumerate(filters, start=1):
        block, convolutions = f"block{number}", _CONVOLUTIONS[number - 1]
        x = vgg.block(x, block, width, convolutions)
        places = {"before": (f"{block}_relu{convolutions}", x)}
        if number >= _FIRST_POOLED:
            x = vgg.pool(x, block)
            places["after"] = f"{block}_pool", x
        if number in _TAPPED[len(_TAPPED) - num_maps :]:
            place, features = places[tap]
            maps[place] = features, width
    flat = keras.layers.Flatten(name="flatten")(x)
    vector = keras.layers.Dense(filters[-1], name="global_vector")(flat)

    # Attention: one vector a map
    vectors, weights = {} if maps else {"global_vector": vector}, []
    for place, (features, width) in maps.items():
        if width != filters[-1]:
            features = keras.layers.Conv2D(
                filters[-1], 1, use_bias=False, name=f"{place}_projection"
            )(features)
        layer = AttentionPooling2D(
            score,
            alignment,
            "weighted_sum" if alignment.normalized else "gated_mean",
            name=f"{place}_attn_pool",
        )
        vectors[place], scores = attend(
            layer, return_attention_scores, features, vector
        )
        weights.append(scores)

    # Classifiers
    if combination == "concat" and len(vectors) > 1:
        joined = keras.layers.Concatenate(name="context")([*vectors.values()])
        vectors = {"context": joined}
    answers = []
    for place, x in vectors.items():
        prefix = f"{place}_" if len(vectors) > 1 else ""
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{prefix}dropout")(x)
        answers.append(
            keras.layers.Dense(
                classes,
                activation=activation,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                name=f"{prefix}predictions",
            )(x)
        )
    predictions = answers[0]
    if len(answers) > 1:
        predictions = keras.layers.Average(name="predictions")(answers)
    outputs = (
        [predictions, *weights] if return_attention_scores else predictions
    )
    return keras.Model(image, outputs, name=name)
