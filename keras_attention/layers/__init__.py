"""Named mechanisms: thin compositions of scores, alignments, aggregations.

Every layer here keeps the promises of `AttentionLayer2D` and is checked by
`keras_attention.testing.check_attention_layer`.

Four are put together from parts, by key, configuration, class or layer:
`attn_pool` from a score, an alignment and an aggregation, `cross` and `mhsa`
from a score and an alignment, `gate` from an alignment and an aggregation.
Parts that cannot work together raise when the layer is made.

| key | family | what it asks |
|---|---|---|
| `aa_conv` | self | what positions gather, beside a convolution |
| `attn_pool` | pooling | which positions answer a query |
| `cbam` | channel_spatial | which channels matter, then which positions |
| `cbam_channel` | channel | which channels matter on average or at their best |
| `cbam_spatial` | spatial | which positions stand out from their surroundings |
| `criss_cross` | self | what a position gathers from its row and column |
| `cross` | cross | which positions answer given vectors |
| `dual` | self | what positions gather, and channels |
| `eca` | channel | which channels matter next to their neighbours |
| `gate` | gate | which positions a deeper map confirms |
| `mhsa` | self | which positions matter to each other, in several heads |
| `nonlocal` | self | what a position gathers from all others |
| `sagan` | self | what a generator draws elsewhere |
| `se` | channel | which channels matter in this image |

`AttentionGate3D` is `gate` of volumes, for `tasks.segmentation.AttentionUNet`.
"""

from keras_attention.layers.attention_augmented_convolution import (
    AttentionAugmentedConv2D,
)
from keras_attention.layers.attention_gate import AttentionGate2D
from keras_attention.layers.attention_gate_3d import AttentionGate3D
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.attention_pooling import AttentionPooling2D
from keras_attention.layers.channel_attention import ChannelAttention2D
from keras_attention.layers.convolutional_block_attention import (
    ConvolutionalBlockAttention2D,
)
from keras_attention.layers.criss_cross_attention import CrissCrossAttention2D
from keras_attention.layers.cross_attention import CrossAttention2D
from keras_attention.layers.dual_attention import DualAttention2D
from keras_attention.layers.efficient_channel_attention import (
    EfficientChannelAttention2D,
)
from keras_attention.layers.generative_attention import GenerativeAttention2D
from keras_attention.layers.multi_head_self_attention import (
    MultiHeadSelfAttention2D,
)
from keras_attention.layers.non_local import NonLocal2D
from keras_attention.layers.spatial_attention import SpatialAttention2D
from keras_attention.layers.squeeze_and_excite import SqueezeAndExcite2D

available = registry.available
get = registry.get
register = registry.register
serialize = registry.serialize

__all__ = [
    "AttentionAugmentedConv2D",
    "AttentionGate2D",
    "AttentionGate3D",
    "AttentionLayer2D",
    "AttentionPooling2D",
    "ChannelAttention2D",
    "ConvolutionalBlockAttention2D",
    "CrissCrossAttention2D",
    "CrossAttention2D",
    "DualAttention2D",
    "EfficientChannelAttention2D",
    "GenerativeAttention2D",
    "MultiHeadSelfAttention2D",
    "NonLocal2D",
    "SpatialAttention2D",
    "SqueezeAndExcite2D",
    "available",
    "get",
    "register",
    "serialize",
]
