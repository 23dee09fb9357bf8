"""A decoder without recurrence: words ask words, and words ask the image."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.layers import CrossAttention2D
from keras_attention.ops import at_least_float32
from keras_attention.tasks.captioning.caption_decoder import CaptionDecoder


@keras.saving.register_keras_serializable(package="keras_attention")
class TransformerDecoder(CaptionDecoder):
    """A transformer that says a caption, and looks in every block.

    For words `x` with their positions added, each block is

    `x = x + MHSA(LN(x))`, in which a word asks those before it;
    `x = x + Cross(LN(x), features)`, any score and alignment;
    `x = x + W_2 gelu(W_1 LN(x) + b_1) + b_2`,

    and the logits are `W LN(x) + b`.

    Args:
        vocabulary_size: int, number of tokens.
        length: int, longest caption, as in the model.
        num_blocks: int, number of blocks. Defaults to `2`.
        num_heads: int, heads of both attentions; must divide `token_dim`.
            Defaults to `8`.
        token_dim: int, of a word's vector. Defaults to `512`.
        hidden_dim: int or `None`, between the dense layers of a block; `None`
            is `4 * token_dim`. Defaults to `None`.
        score: str, class, dict or `Score`, as in `CrossAttention2D`. Defaults
            to `"scaled_dot"`.
        alignment: str, class, dict or `Alignment`, the same. Defaults to
            `"softmax"`.
        dropout: float, rate behind the positions and every part of a block.
            Defaults to `0.1`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        tokens: int `(batch, words)`, the words so far, the start first.
        training: Whether dropout is active.

    Returns:
        Logits `(batch, words, vocabulary_size)`, float32, of the next words.
        `AttentionExtractor` gives the weights `(batch, heads, words, height,
        width)` of every block; `generate` those of the last.

    Raises:
        ValueError: For arguments out of range, and more words than `length`.

    Example:

    >>> import numpy as np
    >>> decoder = TransformerDecoder(9, length=6, num_heads=2, token_dim=8)
    >>> features = np.ones((2, 3, 3, 8), "float32")
    >>> decoder(features, np.array([[1, 4, 5], [1, 7, 2]])).shape == (2, 3, 9)
    True

    Reference:
        Vaswani et al.: Attention Is All You Need. NeurIPS 2017.

    Differs from the paper:
        Normalization comes before each part, and positions are learned. The
        example of keras.io has one block, normalization behind, two heads and
        a dropout of up to 0.5.

    Cost:
        A caption is read once in training; `generate` reads one of full length
        for every word.

    See also:
        `RecurrentDecoder`, which looks once a word.
    """

    def __init__(
        self,
        vocabulary_size,
        length,
        num_blocks=2,
        num_heads=8,
        token_dim=512,
        hidden_dim=None,
        score="scaled_dot",
        alignment="softmax",
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = arguments.size(
            "vocabulary_size", vocabulary_size
        )
        self.length = arguments.size("length", length)
        self.num_blocks = arguments.size("num_blocks", num_blocks)
        self.num_heads = arguments.size("num_heads", num_heads)
        self.token_dim = arguments.size("token_dim", token_dim)
        self.hidden_dim = arguments.size(
            "hidden_dim", hidden_dim, optional=True
        )
        self.dropout = arguments.fraction("dropout", dropout)
        if token_dim % num_heads:
            expected = f"a divisor of token_dim={token_dim}"
            raise ValueError(
                arguments.invalid("num_heads", num_heads, expected)
            )
        layer, kept = keras.layers, {"dtype": self.dtype_policy}
        self.words = layer.Embedding(
            vocabulary_size, token_dim, name="words", **kept
        )
        self.positions = layer.Embedding(
            length, token_dim, name="positions", **kept
        )
        self.dropout_layer = layer.Dropout(dropout, name="dropout", **kept)
        self.blocks = []
        for number in range(1, num_blocks + 1):
            name = f"block{number}"
            attention = layer.MultiHeadAttention(
                num_heads, token_dim // num_heads, name=f"{name}_self", **kept
            )
            cross = CrossAttention2D(
                score,
                alignment,
                num_heads=num_heads,
                data_format="channels_last",
                name=f"{name}_cross",
                **kept,
            )
            dense1 = layer.Dense(
                self.hidden_dim or 4 * token_dim,
                activation="gelu",
                name=f"{name}_dense1",
                **kept,
            )
            dense2 = layer.Dense(token_dim, name=f"{name}_dense2", **kept)
            norms = [
                layer.LayerNormalization(
                    epsilon=1e-6, name=f"{name}_norm{i}", **kept
                )
                for i in (1, 2, 3)
            ]
            self.blocks.append([attention, cross, dense1, dense2, norms])
        self.norm = layer.LayerNormalization(epsilon=1e-6, name="norm", **kept)
        self.logits = layer.Dense(vocabulary_size, name="logits", **kept)

    def build(self, features_shape, tokens_shape):
        """Builds every part for the map and for words of a size."""
        x = (*tokens_shape, self.token_dim)
        self.words.build(tokens_shape)
        self.positions.build((None,))
        for attention, cross, dense1, dense2, norms in self.blocks:
            attention.build(x, x)
            cross.build(features_shape, x)
            dense1.build(x)
            dense2.build((*tokens_shape, dense1.units))
            for norm in norms:
                norm.build(x)
        self.norm.build(x)
        self.logits.build(x)

    def call(self, features, tokens, training=None):
        """All words at once, each knowing those before it."""
        return self._say(self._read(features, tokens, training)[0])

    def begin(self, features):
        """What a caption begins with: the map, no words, and their number."""
        features = ops.convert_to_tensor(features, self.compute_dtype)
        batch = ops.shape(features)[0]
        tokens = ops.zeros((batch, self.length), "int32")
        return features, [tokens, ops.zeros((batch,), "int32")]

    def step(self, memory, states, tokens):
        """One word more, `(batch,)`: its logits, new states and weights."""
        said, count = states
        is_new = ops.arange(self.length) == ops.expand_dims(count, 1)
        tokens = ops.expand_dims(ops.cast(tokens, "int32"), 1)
        said = ops.where(is_new, tokens, said)
        # Of one shape for all words; what is behind a word changes nothing.
        x, weights = self._read(memory, said, training=False)
        logits = self._say(ops.take(x, count[0], axis=1))
        return logits, [said, count + 1], ops.take(weights, count[0], axis=2)

    def get_config(self):
        """The constructor's arguments."""
        cross = self.blocks[0][1].get_config()
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "length": self.length,
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "token_dim": self.token_dim,
            "hidden_dim": self.hidden_dim,
            "score": cross["score"],
            "alignment": cross["alignment"],
            "dropout": self.dropout,
        }

    def _read(self, features, tokens, training):
        count = tokens.shape[1]
        if count > self.length:
            raise ValueError(
                f"TransformerDecoder has {self.length} positions. Received: "
                f"tokens of shape {tuple(tokens.shape)}"
            )
        x = self.words(tokens) + self.positions(ops.arange(count))
        x = self.dropout_layer(x, training=training)
        for attention, cross, dense1, dense2, norms in self.blocks:
            y = norms[0](x)
            y = attention(y, y, use_causal_mask=True, training=training)
            x = x + self.dropout_layer(y, training=training)
            y, weights = cross(
                features,
                norms[1](x),
                training=training,
                return_attention_scores=True,
            )
            x = x + self.dropout_layer(y, training=training)
            y = dense2(dense1(norms[2](x)))
            x = x + self.dropout_layer(y, training=training)
        return x, weights

    def _say(self, x):
        return at_least_float32(self.logits(self.norm(x)))
