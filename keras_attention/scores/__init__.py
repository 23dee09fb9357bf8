"""(query, features) -> scores: how well each position answers a query.

A score is a layer, called `score(query, features)`, that returns raw numbers
`(batch, heads, queries, positions)` in float32. `get` finds one by its key;
any score combines with any alignment of `keras_attention.alignments`.

| key | formula |
|---|---|
| `dot` | `q . k` |
| `scaled_dot` | `q . k / sqrt(d)` |
| `general` | `q^T W k` |
| `cosine` | `scale * q . k / (|q| |k|)` |
| `additive` | `v . tanh(W_q q + W_k k + b)` |
| `parametrized` | `u . (q + k)` |
| `location` | `W q`, the same for any features |
"""

from keras_attention.scores.additive import AdditiveScore
from keras_attention.scores.cosine import CosineScore
from keras_attention.scores.dot import DotScore
from keras_attention.scores.general import GeneralScore
from keras_attention.scores.location import LocationScore
from keras_attention.scores.parametrized import ParametrizedScore
from keras_attention.scores.scaled_dot import ScaledDotScore
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry

available = registry.available
get = registry.get
serialize = registry.serialize
