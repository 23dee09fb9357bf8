"""Schlemper's Sononet: a small VGG whose last map gates two others."""

import keras

from keras_attention.alignments import SigmoidAlignment
from keras_attention.features import network_arguments
from keras_attention.features import vgg
from keras_attention.internals import arguments
from keras_attention.layers import AttentionGate2D
from keras_attention.models.vgg16_bn_attention import attend

_CONVOLUTIONS = (3, 3, 3, 2, 2)
_FILTERS = (64, 128, 256, 512, 512)
_GATED = (3, 4)
_COMBINATIONS = ("concat", "mean", "deep_supervision", "fine_tuned")


def SononetGridAttention(
    input_shape=(208, 272, 1),
    classes=14,
    *,
    alignment="mean_flow",
    combination="concat",
    classifier_activation="softmax",
    width_multiplier=0.125,
    return_attention_scores=False,
    name="sononet_grid_attention",
):
    """The classifier of "Attention Gated Networks", for ultrasound images.

    Five blocks of 3 x 3 convolutions with batch normalization, 3, 3, 3, 2 and 2
    of them with 64, 128, 256, 512 and 512 filters, at full width, and a pooling
    between any two. The last map gates the third and the fourth one in front of
    their pooling. A gated map is summed over its positions, the last one
    averaged: three vectors, of which the answer is made.

    Args:
        input_shape: tuple `(height, width, channels)`, sizes of at least 32 or
            `None`. Defaults to `(208, 272, 1)`.
        classes: int, number of classes. Defaults to `14`.
        alignment: str, class, dict or `Alignment`, of both gates; see
            `AttentionGate2D`. The published networks have `"mean_flow"`, and
            code for `"softmax"`, `"min_max"` and `"sigmoid"`, with which gates
            start open. Defaults to `"mean_flow"`.
        combination: str, how vectors become the answer:

            - `"concat"`: one classifier of all three, side by side.
            - `"mean"`: a classifier for each, whose answers are averaged.
            - `"deep_supervision"`: four answers, of the one classifier and of
              the three; the paper weighs their losses 1, 0.1, 0.1 and 0.1, and
              uses the first.
            - `"fine_tuned"`: a classifier of the logits of the three.

            Defaults to `"concat"`.
        classifier_activation: str, callable or `None`, of every answer. `None`
            gives logits; `"mean"` averages these, and not the probabilities.
            Defaults to `"softmax"`.
        width_multiplier: float, scales the filters and the channels in which
            gates compare. Defaults to `0.125`.
        return_attention_scores: bool, whether the model returns
            `[predictions, map3, map4]`, with `"deep_supervision"` the maps
            behind all four answers: for an image of 208 x 272, maps of
            `(batch, 1, 52, 68)` and `(batch, 1, 26, 34)`, float32. Defaults to
            `False`.
        name: str, of the model. Defaults to `"sononet_grid_attention"`.

    Returns:
        A functional `keras.Model` with 177,040 trainable parameters as it is.

    Raises:
        ValueError: For arguments out of their range and for an alignment that
            a gate does not take.

    Example:

    >>> model = SononetGridAttention(
    ...     combination="deep_supervision", return_attention_scores=True
    ... )
    >>> [output.shape for output in model.outputs[3:]]
    [(None, 14), (None, 1, 52, 68), (None, 1, 26, 34)]

    Reference:
        Schlemper, Oktay, Schaap, Heinrich, Kainz, Glocker, Rueckert: Attention
        Gated Networks: Learning to Leverage Salient Regions in Medical Images.
        MedIA 2019.

    Differs from the paper:
        Its code has a loss for each of the three answers of `"mean"`, which it
        averages in use alone; `"deep_supervision"` gives them apart. For
        `"fine_tuned"` it trains the three classifiers first. Where all scores
        of a map are equal, `"mean_flow"` is uniform, and not NaN.

    Cost:
        The gates have 6,209 and 8,257 parameters.

    See also:
        `MelanomaAttentionVGG16BN`, with the same gates on VGG16_bn.
    """
    arguments.size("classes", classes)
    arguments.one_of("combination", combination, _COMBINATIONS)
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    arguments.boolean("return_attention_scores", return_attention_scores)
    filters = network_arguments.scaled(_FILTERS, width_multiplier)
    image = network_arguments.image(None, input_shape, include_top=False)

    # Blocks
    x, gated = image, {}
    for number, width in enumerate(filters, start=1):
        block, convolutions = f"block{number}", _CONVOLUTIONS[number - 1]
        if number > 1:
            x = vgg.pool(x, f"block{number - 1}")
        x = vgg.block(x, block, width, convolutions)
        if number in _GATED:
            gated[f"{block}_relu{convolutions}"] = x

    # Attention: one vector a gated map, and the mean of the last
    vectors, maps = {}, []
    for place, features in gated.items():
        gate = AttentionGate2D(
            alignment,
            "weighted_sum",
            key_dim=filters[-1],
            kernel_initializer=keras.initializers.HeNormal(),
            name=f"{place}_gate",
        )
        vectors[place], scores = attend(
            gate, return_attention_scores, features, x
        )
        maps.append(scores)
        if isinstance(gate.alignment, SigmoidAlignment):
            # As published: gates start open.
            gate.score_dense.bias.assign([3.0])
    pool = keras.layers.GlobalAveragePooling2D(name="global_pool")
    vectors["global"] = pool(x)

    # Classifiers
    def classifier(x, name, activation=activation):
        return keras.layers.Dense(
            classes,
            activation=activation,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            name=name,
        )(x)

    def of_each(activation):
        return [
            classifier(vector, f"{place}_predictions", activation)
            for place, vector in vectors.items()
        ]

    def joined(tensors, name):
        return keras.layers.Concatenate(name=name)(tensors)

    if combination == "mean":
        answers = [
            keras.layers.Average(name="predictions")(of_each(activation))
        ]
    elif combination == "fine_tuned":
        logits = joined(of_each(None), "logits")
        answers = [classifier(logits, "predictions")]
    else:
        context = joined([*vectors.values()], "context")
        answers = [classifier(context, "predictions")]
        if combination == "deep_supervision":
            answers += of_each(activation)
    outputs = answers + maps if return_attention_scores else answers
    outputs = outputs if len(outputs) > 1 else outputs[0]
    return keras.Model(image, outputs, name=name)
