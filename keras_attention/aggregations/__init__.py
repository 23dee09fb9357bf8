"""(weights, features) -> context: what is made of the attended features.

An aggregation is a layer, called `aggregation(weights, features)`.

| key | context | shape |
|---|---|---|
| `weighted_sum` | `sum_i w_i f_i` | `(batch, queries, channels)` |
| `gated_mean` | `1 / N * sum_i w_i f_i` | `(batch, queries, channels)` |
| `gate` | `w_i f_i` | `(batch, positions, channels)` |
"""

from keras_attention.aggregations.aggregation import Aggregation
from keras_attention.aggregations.aggregation import registry
from keras_attention.aggregations.gate import Gate
from keras_attention.aggregations.gated_mean import GatedMean
from keras_attention.aggregations.weighted_sum import WeightedSum

available = registry.available
get = registry.get
serialize = registry.serialize
