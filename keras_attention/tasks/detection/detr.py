"""A detector that asks: every query of a transformer finds one object."""

import math

import keras

from keras_attention.internals import arguments
from keras_attention.models.transformer_blocks import dense
from keras_attention.tasks.detection.detection_model import DetectionModel
from keras_attention.tasks.detection.detr_blocks import Blocks
from keras_attention.tasks.detection.one_stage import channels_last
from keras_attention.tasks.detection.queries import LearnedQueries
from keras_attention.tasks.detection.queries import QueryBoxes
from keras_attention.tasks.detection.queries import SinePositions2D


def DETR(
    backbone,
    classes,
    level="block5_pool",
    *,
    num_queries=20,
    token_dim=64,
    num_heads=4,
    num_encoders=2,
    num_decoders=2,
    hidden_dim=None,
    alignment="softmax",
    norm_first=True,
    dropout=0.0,
    auxiliary=True,
    name="detr",
):
    """A detection transformer, on any backbone, sized for small data.

    An encoder lets the positions of a map attend to each other. A decoder
    has a learned query for every object that it may find: queries attend to
    each other, and then to the map. Of each follow the logits of the classes
    and a box. With `f` self-attention, cross-attention or two dense layers, a
    part of a block is `x + f(LN(x))`, or `LN(x + f(x))`.

    A query looks around from a learned point of the image: sines of where it
    is are added to what it asks with, as those of every position are to the
    map, and its box is told from there.

    Args:
        backbone: `keras.Model`, functional, from images to maps; images may
            have unknown sizes. It is used as it is, weights included.
        classes: int, number of classes.
        level: str, name of the backbone's layer whose map is read. Defaults
            to `"block5_pool"`.
        num_queries: int, how many objects an image may have at most. Defaults
            to `20`.
        token_dim: int, channels of the transformer; a multiple of 4 and of
            `num_heads`. Defaults to `64`.
        num_heads: int, heads of each attention. Defaults to `4`.
        num_encoders: int, blocks of the encoder; may be 0. Defaults to `2`.
        num_decoders: int, blocks of the decoder. Defaults to `2`.
        hidden_dim: int or `None`, between the two dense layers of a block;
            `None` is `4 * token_dim`. Defaults to `None`.
        alignment: str, class, dict or `Alignment`, of the decoder's
            cross-attention, a key of `keras_attention.alignments`: with
            `"grid_crf"` neighbouring positions decide together which of them
            a query attends to. Defaults to `"softmax"`.
        norm_first: bool, whether a part is normalised before it, or after the
            sum, as in the paper. Defaults to `True`.
        dropout: float, rate behind each part. Defaults to `0.0`.
        auxiliary: bool, whether all blocks of the decoder answer in training,
            not the last alone. Defaults to `True`.
        name: str, of the model. Defaults to `"detr"`.

    Returns:
        A `DetectionModel` with the outputs `logits` `(batch, queries,
        classes)` and `boxes` `(batch, queries, 4)`, and `auxiliary_logits`
        and `auxiliary_boxes` `(batch, num_decoders - 1, queries, ...)`. The
        cross-attention is called `decoder1_cross` and so on.

    Raises:
        ValueError: For an unknown level and for numbers out of their range.

    Example:

    >>> from keras_attention import VGG11BN
    >>> backbone = VGG11BN(
    ...     include_top=False, input_shape=(64, 64, 3), width_multiplier=0.125
    ... )
    >>> model = DETR(
    ...     backbone, 10, "block4_pool", token_dim=16, num_encoders=0,
    ...     alignment="grid_crf",
    ... )
    >>> model.output["boxes"].shape, model.output["auxiliary_boxes"].shape
    ((None, 20, 4), (None, 1, 20, 4))

    Reference:
        Carion et al.: End-to-End Object Detection with Transformers. ECCV
        2020. Points of queries: Wang et al.: Anchor DETR. AAAI 2022.

    Differs from the paper:
        There are 6 and 6 blocks, 256 channels, 8 heads, 100 queries without
        points, ReLU, dropout 0.1, and hundreds of epochs. It adds positions
        to queries and keys; here values have them too, as in a ViT. Keys have
        no bias, which a softmax does not see: of 17,363,456 parameters of the
        paper's transformer 4,608 fewer. The loss of the classes is focal; see
        `DetectionModel`.

    Cost:
        As `VGG16BNTransformer` a block of the encoder; of the decoder
        `2 N D^2 + M (6 D^2 + 2 D H) + 2 M^2 D + 2 M N D` multiply-adds for
        `M` queries, `N` positions and channels `D`, `H`.

    See also:
        `OneStageDetector`, which learns faster from few images.
    """
    arguments.size("classes", classes)
    arguments.non_negative_int("num_encoders", num_encoders)
    arguments.size("num_decoders", num_decoders)
    arguments.fraction("dropout", dropout)
    arguments.boolean("norm_first", norm_first)
    arguments.boolean("auxiliary", auxiliary)
    if arguments.size("token_dim", token_dim) % num_heads:
        expected = f"a multiple of num_heads={num_heads}"
        raise ValueError(arguments.invalid("token_dim", token_dim, expected))
    known = [layer.name for layer in backbone.layers]
    arguments.one_of("level", level, known)
    blocks = Blocks(
        num_heads, hidden_dim or 4 * token_dim, dropout, norm_first, alignment
    )
    features = channels_last(backbone.get_layer(level).output)
    x = dense(features, token_dim, "tokens")
    positions = SinePositions2D(token_dim, name="positions")(x)
    x = blocks.encode(x, positions, num_encoders)
    points = LearnedQueries(num_queries, 2, name="points")(x)
    waves = SinePositions2D(token_dim, name="places")
    places = dense(waves(keras.ops.sigmoid(points)), token_dim, "asking")
    queries = LearnedQueries(num_queries, token_dim, 0.1, name="queries")(x)
    answers = blocks.decode(queries, places, x + positions, num_decoders)
    outputs = _outputs(answers, points, classes, auxiliary)
    return DetectionModel(
        backbone.inputs[0],
        outputs,
        assignment="matching",
        class_weight=2.0,
        giou_weight=2.0,
        l1_weight=5.0,
        name=name,
    )


def _outputs(answers, points, classes, auxiliary):
    """What the queries of the last block say, and those of the others."""
    _, _, num_queries, token_dim = answers[-1].shape
    heads = _heads(classes, token_dim)
    box_layer = QueryBoxes(dtype="float32", name="query_boxes")
    norm = keras.layers.LayerNormalization(epsilon=1e-6, name="decoder_norm")
    logits, boxes = [], []
    for answer in map(norm, answers):
        found = heads["logits"](answer)
        logits.append(keras.layers.Reshape((num_queries, classes))(found))
        boxes.append(box_layer([heads["boxes"](answer), points]))
    outputs = {"logits": logits[-1], "boxes": boxes[-1]}
    if auxiliary and len(answers) > 1:
        for key, layers in (("logits", logits), ("boxes", boxes)):
            stacked = keras.ops.stack(layers[:-1], axis=1)
            outputs[f"auxiliary_{key}"] = stacked
    return {
        key: keras.layers.Activation("linear", dtype="float32", name=key)(x)
        for key, x in outputs.items()
    }


def _heads(classes, token_dim):
    """Shared by all blocks, from queries to logits and to four numbers."""
    bias = keras.initializers.Constant(-math.log(99.0))  # 1 %
    asked = keras.Input((1, None, token_dim))
    logits = dense(asked, classes, "logits_output", bias_initializer=bias)
    x = asked
    for number in (1, 2):
        x = dense(x, token_dim, f"boxes_dense{number}", activation="relu")
    # Boxes start where the points are.
    x = dense(x, 4, "boxes_output", kernel_initializer="zeros")
    return {
        "logits": keras.Model(asked, logits, name="logits_head"),
        "boxes": keras.Model(asked, x, name="boxes_head"),
    }
