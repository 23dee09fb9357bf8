"""(query, features) -> scores: how well each position answers a query.

A score is a layer, called `score(query, features)`, that returns raw numbers
`(batch, heads, queries, positions)` in float32. `get` finds one by its key;
any score combines with any alignment of `keras_attention.alignments`.

| key | formula |
|---|---|
| `dot` | `q . k` |
| `scaled_dot` | `q . k / sqrt(d)` |
| `general` | `q^T W k` |
| `biased_general` | `k^T (W q + b)` |
| `activated_general` | `act(k^T W q + b)` |
| `cosine` | `scale * q . k / (|q| |k|)` |
| `euclidean` | `-|q - k|` |
| `gaussian` | `exp(-|q - k|^2 / (2 s^2))` |
| `kernel` | `phi(q) . phi(k)` |
| `additive` | `v . tanh(W_q q + W_k k + b)` |
| `gated_additive` | `psi . relu(W_q q + W_k k + b) + b_psi` |
| `concat` | `v . tanh(W [q; k])` |
| `deep` | `MLP(W_q q + W_k k + b)` |
| `parametrized` | `u . (q + k)` |
| `location` | `W q`, the same for any features |
"""

from keras_attention.scores.activated_general import ActivatedGeneralScore
from keras_attention.scores.additive import AdditiveScore
from keras_attention.scores.biased_general import BiasedGeneralScore
from keras_attention.scores.concat import ConcatScore
from keras_attention.scores.cosine import CosineScore
from keras_attention.scores.deep import DeepScore
from keras_attention.scores.dot import DotScore
from keras_attention.scores.euclidean import EuclideanScore
from keras_attention.scores.feed_forward import FeedForwardScore
from keras_attention.scores.gated_additive import GatedAdditiveScore
from keras_attention.scores.gaussian import GaussianScore
from keras_attention.scores.general import GeneralScore
from keras_attention.scores.kernel import KernelScore
from keras_attention.scores.location import LocationScore
from keras_attention.scores.parametrized import ParametrizedScore
from keras_attention.scores.scaled_dot import ScaledDotScore
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry

available = registry.available
get = registry.get
register = registry.register
serialize = registry.serialize

__all__ = [
    "ActivatedGeneralScore",
    "AdditiveScore",
    "BiasedGeneralScore",
    "ConcatScore",
    "CosineScore",
    "DeepScore",
    "DotScore",
    "EuclideanScore",
    "FeedForwardScore",
    "GatedAdditiveScore",
    "GaussianScore",
    "GeneralScore",
    "KernelScore",
    "LocationScore",
    "ParametrizedScore",
    "ScaledDotScore",
    "Score",
    "available",
    "get",
    "register",
    "serialize",
]
