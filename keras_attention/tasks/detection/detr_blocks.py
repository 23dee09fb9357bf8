"""The blocks of `DETR`: an encoder of positions and a decoder of queries.

Maps are `(batch, height, width, token_dim)`, queries a map of one row.
"""

import dataclasses

import keras

from keras_attention.layers import CrossAttention2D
from keras_attention.layers import MultiHeadSelfAttention2D
from keras_attention.models.transformer_blocks import dropped
from keras_attention.models.transformer_blocks import feed_forward
from keras_attention.models.transformer_blocks import normalized


@dataclasses.dataclass(frozen=True)
class Blocks:
    """What all blocks of a transformer have in common.

    Args:
        num_heads: int, heads of each attention.
        hidden_dim: int, between the two dense layers.
        dropout: float, rate behind each part.
        norm_first: bool, `x + f(LN(x))` or `LN(x + f(x))`.
        alignment: of the cross-attention, as `CrossAttention2D` takes it.
    """

    num_heads: int
    hidden_dim: int
    dropout: float
    norm_first: bool
    alignment: object

    def encode(self, x, positions, count):
        """Positions attend to each other, in `count` blocks."""
        for number in range(1, count + 1):
            name = f"encoder{number}"
            x = self._attend(x, positions, name)
            x = self._transform(x, name)
        return normalized(x, "encoder_norm") if self.norm_first else x

    def decode(self, queries, places, memory, count):
        """Queries attend to each other and to the map; those of each block."""
        answers = []
        for number in range(1, count + 1):
            name = f"decoder{number}"
            queries = self._attend(queries, places, name)
            queries = self._look(queries, places, memory, name)
            queries = self._transform(queries, name)
            answers.append(queries)
        return answers

    def _attend(self, x, positions, name):
        layer = MultiHeadSelfAttention2D(
            num_heads=self.num_heads,
            data_format="channels_last",
            name=f"{name}_mhsa",
        )
        return self._part(x, lambda y: layer(y + positions), f"{name}_self")

    def _look(self, queries, places, memory, name):
        layer = CrossAttention2D(
            alignment=self.alignment,
            num_heads=self.num_heads,
            data_format="channels_last",
            name=f"{name}_cross",
        )
        _, _, count, channels = queries.shape

        def looked(y):
            y = keras.layers.Reshape((count, channels))(y + places)
            return keras.layers.Reshape((1, count, channels))(layer(memory, y))

        return self._part(queries, looked, f"{name}_look")

    def _transform(self, x, name):
        def both(y):
            return feed_forward(y, name, self.hidden_dim, self.dropout)

        return self._part(x, both, f"{name}_dense")

    def _part(self, x, function, name):
        """A part of a block, with what is around it."""
        norm = f"{name}_norm"
        y = function(normalized(x, norm) if self.norm_first else x)
        y = dropped(y, self.dropout, f"{name}_dropout")
        x = keras.layers.Add(name=f"{name}_add")([x, y])
        return x if self.norm_first else normalized(x, norm)
