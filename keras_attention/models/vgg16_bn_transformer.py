"""VGG16_bn whose last map is read by a transformer."""

import keras

from keras_attention.features import VGG16BN
from keras_attention.features import ClassToken
from keras_attention.features import PositionEmbedding2D
from keras_attention.internals import arguments
from keras_attention.layers import MultiHeadSelfAttention2D
from keras_attention.models.transformer_blocks import dense
from keras_attention.models.transformer_blocks import dropped
from keras_attention.models.transformer_blocks import feed_forward
from keras_attention.models.transformer_blocks import normalized
from keras_attention.models.vgg16_bn_attention import attend

# The tables of positions for images of unknown size: those of 224 pixels.
_GRIDS = {"block4": 14, "block5": 7}


def VGG16BNTransformer(
    input_shape=(224, 224, 3),
    classes=1000,
    weights=None,
    *,
    block="block4",
    num_blocks=12,
    num_heads=6,
    token_dim=384,
    hidden_dim=None,
    pooling="token",
    dropout=0.1,
    classifier_activation="softmax",
    adapt_channels=False,
    width_multiplier=1.0,
    return_attention_scores=False,
    name="vgg16_bn_transformer",
):
    """A hybrid: VGG16_bn up to a block, then a transformer on its positions.

    Every position of the map is a token: projected to `token_dim`, with a
    learned vector of where it is. Each block of the transformer is

    `x = x + MHSA(LN(x))`, `x = x + W_2 gelu(W_1 LN(x) + b_1) + b_2`

    and after the last `LN` a dense layer classifies the class token, or the
    mean over positions.

    Args:
        input_shape: tuple `(height, width, channels)`; sizes may be `None`.
            Defaults to `(224, 224, 3)`.
        classes: int, number of classes. Defaults to `1000`.
        weights: str, path, dict or `None`, for the convolutional blocks, all
            five of them; see `VGG16BN`. Defaults to `None`.
        block: str, whose map is read: `"block4"`, 14 x 14 positions of an image
            of 224 pixels, or `"block5"`, 7 x 7. Defaults to `"block4"`.
        num_blocks: int, number of transformer blocks. Defaults to `12`.
        num_heads: int, heads of each; must divide `token_dim`. Defaults to `6`.
        token_dim: int, size of a token. Defaults to `384`.
        hidden_dim: int or `None`, size between the two dense layers of a block;
            `None` is `4 * token_dim`. Defaults to `None`.
        pooling: str, what is classified: a class `"token"`, or the `"mean"` of
            all positions. Defaults to `"token"`.
        dropout: float, rate behind the positions, the self-attention and both
            dense layers of a block. Defaults to `0.1`.
        classifier_activation: str, callable or `None`, of the last layer;
            `None` returns logits. Defaults to `"softmax"`.
        adapt_channels: bool, whether weights of another number of channels
            are taken; see `VGG16BN`. Defaults to `False`.
        width_multiplier: float, scales the channels of VGG's blocks. Defaults
            to `1.0`.
        return_attention_scores: bool, whether the model returns
            `[predictions, *weights]`, one `(batch, heads, tokens, tokens)` a
            transformer block, float32; the class token, if there is one, is the
            first of the tokens. Defaults to `False`.
        name: str, of the model. Defaults to `"vgg16_bn_transformer"`.

    Returns:
        A functional `keras.Model` with 29,588,008 trainable parameters as it
        is. Its layers are named `encoder1_mhsa`, `encoder1_add1` and so on.

    Raises:
        ValueError: For arguments out of their range, for `num_heads` that do
            not divide `token_dim`, and for arguments that `VGG16BN` rejects.

    Example:

    >>> model = VGG16BNTransformer(
    ...     (64, 64, 3), classes=10, width_multiplier=0.125, num_blocks=2,
    ...     num_heads=2, token_dim=16, return_attention_scores=True,
    ... )
    >>> [output.shape for output in model.outputs]
    [(None, 10), (None, 2, 17, 17), (None, 2, 17, 17)]

    Reference:
        Dosovitskiy et al.: An Image is Worth 16x16 Words. ICLR 2021, its
        hybrid; the default sizes are those of ViT-S/16.

    Differs from the paper:
        There a ResNet-50 gives the map. Keys have no bias, which a softmax does
        not see. The table of positions is two-dimensional and follows the size
        of the map in every image; the class token has none. `gelu` is its
        approximation by tanh, as in the official code; PyTorch's ports have the
        exact one.

    Cost:
        A block has `4 D^2 + 2 D H + 8 D + H` parameters for tokens of size `D`
        and a hidden layer of `H`, takes `N (4 D^2 + 2 D H) + 2 N^2 D`
        multiply-adds for `N` tokens, and holds `heads * N^2` weights.

    See also:
        `VGG16BNAttention`, which puts `"mhsa"` behind any layer.
    """
    arguments.size("classes", classes)
    arguments.one_of("block", block, tuple(_GRIDS))
    for argument, value in (
        ("num_blocks", num_blocks),
        ("num_heads", num_heads),
        ("token_dim", token_dim),
    ):
        arguments.size(argument, value)
    hidden_dim = arguments.size("hidden_dim", hidden_dim, optional=True)
    if token_dim % num_heads:
        expected = f"a divisor of token_dim={token_dim}"
        raise ValueError(arguments.invalid("num_heads", num_heads, expected))
    arguments.one_of("pooling", pooling, ("token", "mean"))
    arguments.fraction("dropout", dropout)
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    arguments.boolean("return_attention_scores", return_attention_scores)
    backbone = VGG16BN(
        include_top=False,
        weights=weights,
        adapt_channels=adapt_channels,
        input_shape=input_shape,
        width_multiplier=width_multiplier,
    )

    # Tokens
    x = backbone.get_layer(f"{block}_pool").output
    if keras.config.image_data_format() == "channels_first":
        x = keras.layers.Permute((2, 3, 1), name="channels_last")(x)
    grid = tuple(size or _GRIDS[block] for size in x.shape[1:3])
    x = dense(x, token_dim, "embedding")
    x = PositionEmbedding2D(grid, name="positions")(x)
    if pooling == "token":
        x = ClassToken(name="class_token")(x)
    x = dropped(x, dropout, "dropout")

    # Transformer
    maps = []
    for number in range(1, num_blocks + 1):
        x, scores = _encoder(
            x,
            f"encoder{number}",
            num_heads,
            hidden_dim or 4 * token_dim,
            dropout,
            return_attention_scores,
        )
        maps.append(scores)
    x = normalized(x, "norm")

    # Classifier
    if pooling == "token":
        x = x[:, 0, 0]
    else:
        x = keras.layers.GlobalAveragePooling2D(
            data_format="channels_last", name="global_pool"
        )(x)
    predictions = keras.layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        name="predictions",
    )(x)
    outputs = [predictions, *maps] if return_attention_scores else predictions
    return keras.Model(backbone.inputs, outputs, name=name)


def _encoder(x, name, num_heads, hidden_dim, dropout, return_scores):
    """One block on `(batch, height, width, token_dim)`, and its weights."""
    attention = MultiHeadSelfAttention2D(
        num_heads=num_heads, data_format="channels_last", name=f"{name}_mhsa"
    )
    y, scores = attend(attention, return_scores, normalized(x, f"{name}_norm1"))
    y = dropped(y, dropout, f"{name}_dropout1")
    x = keras.layers.Add(name=f"{name}_add1")([x, y])
    y = normalized(x, f"{name}_norm2")
    y = feed_forward(y, name, hidden_dim, dropout)
    return keras.layers.Add(name=f"{name}_add2")([x, y]), scores
