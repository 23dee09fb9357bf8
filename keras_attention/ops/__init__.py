"""Stateless numerics on tensors, on every backend.

| module | what |
|---|---|
| `activations` | activations by name, and their derivatives |
| `chain_crf` | exact inference in linear-chain random fields |
| `chain_messages` | products along a chain, through a binary tree |
| `chains` | chains side by side, in the tree's layout |
| `distances` | squared distances between queries and keys |
| `entmax` | from scores to weights, for any alpha of entmax |
| `grid_crf` | approximate marginals of binary random fields on a grid |
| `maps` | feature maps to tokens and back, heads, bilinear resizing |
| `noise` | Gumbel noise |
| `largest` | the maximum, also of an empty batch |
| `masked` | from scores to weights: softmax and sigmoid with masks |
| `pairs` | a small network over every query and key |
| `precision` | scores and weights never below float32, nor beyond it |
| `relative_positions` | scores of distances between rows and columns |
| `rescaling` | shares of a sum, heights above the lowest score |
| `selection` | the best positions of a row |
| `simplex` | what every sparse alignment starts and ends with |
| `sparse` | from scores to sparse weights: sparsemax and 1.5-entmax |
| `chain_order` | the orders in which a chain visits the positions of a map |
| `windows` | which positions are near which places |
"""

from keras_attention.ops.activations import ACTIVATIONS
from keras_attention.ops.activations import NON_NEGATIVE_ACTIVATIONS
from keras_attention.ops.activations import activate
from keras_attention.ops.chain_crf import chain_argmax
from keras_attention.ops.chain_crf import chain_entropy
from keras_attention.ops.chain_crf import chain_log_marginals
from keras_attention.ops.chain_crf import chain_log_partition
from keras_attention.ops.chain_crf import chain_marginals
from keras_attention.ops.chain_crf import chain_sample
from keras_attention.ops.chain_order import in_chain_order
from keras_attention.ops.distances import squared_distances
from keras_attention.ops.entmax import entmax
from keras_attention.ops.grid_crf import grid_log_odds
from keras_attention.ops.largest import largest
from keras_attention.ops.maps import grid_of
from keras_attention.ops.maps import hide_masked
from keras_attention.ops.maps import map_to_tokens
from keras_attention.ops.maps import merge_heads
from keras_attention.ops.maps import resize_map
from keras_attention.ops.maps import split_heads
from keras_attention.ops.maps import tokens_to_map
from keras_attention.ops.masked import bounded
from keras_attention.ops.masked import masked_sigmoid
from keras_attention.ops.masked import masked_softmax
from keras_attention.ops.noise import gumbel
from keras_attention.ops.pairs import pair_network
from keras_attention.ops.precision import at_least_float32
from keras_attention.ops.precision import finite
from keras_attention.ops.precision import precise_dtype
from keras_attention.ops.precision import products
from keras_attention.ops.relative_positions import relative_position_scores
from keras_attention.ops.rescaling import above_lowest
from keras_attention.ops.rescaling import or_one
from keras_attention.ops.rescaling import shares
from keras_attention.ops.selection import first_highest
from keras_attention.ops.selection import not_below_best
from keras_attention.ops.sparse import entmax15
from keras_attention.ops.sparse import sparsemax
from keras_attention.ops.windows import distances
from keras_attention.ops.windows import inside
from keras_attention.ops.windows import outer
from keras_attention.ops.windows import spread_anchors

__all__ = [
    "ACTIVATIONS",
    "NON_NEGATIVE_ACTIVATIONS",
    "above_lowest",
    "activate",
    "at_least_float32",
    "bounded",
    "chain_argmax",
    "chain_entropy",
    "chain_log_marginals",
    "chain_log_partition",
    "chain_marginals",
    "chain_sample",
    "distances",
    "entmax",
    "entmax15",
    "finite",
    "first_highest",
    "grid_log_odds",
    "grid_of",
    "gumbel",
    "hide_masked",
    "in_chain_order",
    "inside",
    "largest",
    "map_to_tokens",
    "masked_sigmoid",
    "masked_softmax",
    "merge_heads",
    "not_below_best",
    "or_one",
    "outer",
    "pair_network",
    "precise_dtype",
    "products",
    "relative_position_scores",
    "resize_map",
    "shares",
    "sparsemax",
    "split_heads",
    "spread_anchors",
    "squared_distances",
    "tokens_to_map",
]
