"""Stateless numerics on tensors, on every backend.

| module | what |
|---|---|
| `maps` | feature maps to tokens and back, heads, bilinear resizing |
| `normalization` | from scores to weights: softmax and sigmoid with masks |
| `precision` | scores and weights never below float32 |
| `relative_positions` | scores of distances between rows and columns |
| `sparse` | from scores to sparse weights: sparsemax and 1.5-entmax |
"""

from keras_attention.ops.maps import hide_masked
from keras_attention.ops.maps import map_to_tokens
from keras_attention.ops.maps import merge_heads
from keras_attention.ops.maps import resize_map
from keras_attention.ops.maps import split_heads
from keras_attention.ops.maps import tokens_to_map
from keras_attention.ops.normalization import masked_sigmoid
from keras_attention.ops.normalization import masked_softmax
from keras_attention.ops.precision import at_least_float32
from keras_attention.ops.precision import precise_dtype
from keras_attention.ops.relative_positions import relative_position_scores
from keras_attention.ops.sparse import entmax15
from keras_attention.ops.sparse import sparsemax
