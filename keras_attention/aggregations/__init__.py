"""(weights, features) -> context: what is made of the attended features.

An aggregation is a layer, called `aggregation(weights, features)`, or
`aggregation(weights, features, query=queries)` if its flag `needs_query` says
so.

| key | context | shape |
|---|---|---|
| `weighted_sum` | `sum_i w_i f_i` | `(batch, queries, channels)` |
| `gated_mean` | `1 / N * sum_i w_i f_i` | `(batch, queries, channels)` |
| `multi_map` | `[sum_i w_hi f_i]_h` | `(batch, queries, heads * channels)` |
| `merge_heads` | `W_o [sum_i w_hi v_hi]_h` | `(batch, queries, output_dim)` |
| `concat_query` | `tanh(W_c [c; q])` | `(batch, queries, output_dim)` |
| `gate` | `w_i f_i` | `(batch, positions, channels)` |
"""

from keras_attention.aggregations.aggregation import Aggregation
from keras_attention.aggregations.aggregation import registry
from keras_attention.aggregations.concat_query import ConcatQuery
from keras_attention.aggregations.gate import Gate
from keras_attention.aggregations.gated_mean import GatedMean
from keras_attention.aggregations.merge_heads import MergeHeads
from keras_attention.aggregations.multi_map import MultiMap
from keras_attention.aggregations.weighted_sum import WeightedSum

available = registry.available
get = registry.get
register = registry.register
serialize = registry.serialize

__all__ = [
    "Aggregation",
    "ConcatQuery",
    "Gate",
    "GatedMean",
    "MergeHeads",
    "MultiMap",
    "WeightedSum",
    "available",
    "get",
    "register",
    "serialize",
]
