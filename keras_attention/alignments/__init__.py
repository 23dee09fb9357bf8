"""scores -> weights: what a network makes of its scores.

An alignment is a layer, called `alignment(scores, mask=None)`, that returns
non-negative weights in the shape of the scores, in float32. (Some surveys
call the score "alignment function"; here the word means the step after it.)

| key | weights | sum to 1 |
|---|---|---|
| `softmax` | positive everywhere, sharper at a low temperature | yes |
| `entmax15` | between softmax and sparsemax: 0 where scores are low | yes |
| `sparsemax` | 0 where scores are low, linear elsewhere | yes |
| `entmax` | from softmax over sparsemax on, as `alpha` says or learns | yes |
| `top_k` | a softmax over the best few | yes |
| `local_monotonic` | a softmax around a fixed position | yes |
| `local_predictive` | a Gaussian around the position a query asks for | no |
| `multi_dim_softmax` | a softmax for every channel | yes |
| `l1` | shares of a sum, for scores from 0 on | yes |
| `mean_flow` | shares of what is above the lowest score | yes |
| `hard` | 1 at the highest score, 0 elsewhere | yes |
| `gumbel_softmax` | a softmax, with noise in training | yes |
| `sampled` | 1 at a position drawn in training, learned by REINFORCE | yes |
| `sigmoid` | each position by itself | no |
| `min_max` | from 0 at the lowest score to 1 at the highest | no |
| `chain_crf` | each position with the next ones along a chain | if asked |
| `grid_crf` | each position with its four neighbours | if asked |
"""

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.alignments.chain_crf import ChainCRFAlignment
from keras_attention.alignments.distributions import CategoricalDistribution
from keras_attention.alignments.distributions import ChainDistribution
from keras_attention.alignments.distributions import IndependentDistribution
from keras_attention.alignments.entmax import EntmaxAlignment
from keras_attention.alignments.entmax15 import Entmax15Alignment
from keras_attention.alignments.grid_crf import GridCRFAlignment
from keras_attention.alignments.gumbel_softmax import GumbelSoftmaxAlignment
from keras_attention.alignments.hard import HardAlignment
from keras_attention.alignments.l1 import L1Alignment
from keras_attention.alignments.local_monotonic import LocalMonotonicAlignment
from keras_attention.alignments.local_predictive import LocalPredictiveAlignment
from keras_attention.alignments.mean_flow import MeanFlowAlignment
from keras_attention.alignments.min_max import MinMaxAlignment
from keras_attention.alignments.multi_dim_softmax import (
    MultiDimSoftmaxAlignment,
)
from keras_attention.alignments.sampled import SampledAlignment
from keras_attention.alignments.sampled import recorded_draws
from keras_attention.alignments.sigmoid import SigmoidAlignment
from keras_attention.alignments.softmax import SoftmaxAlignment
from keras_attention.alignments.sparsemax import SparsemaxAlignment
from keras_attention.alignments.top_k import TopKAlignment

available = registry.available
get = registry.get
register = registry.register
serialize = registry.serialize

__all__ = [
    "Alignment",
    "CategoricalDistribution",
    "ChainCRFAlignment",
    "ChainDistribution",
    "Entmax15Alignment",
    "EntmaxAlignment",
    "GridCRFAlignment",
    "GumbelSoftmaxAlignment",
    "HardAlignment",
    "IndependentDistribution",
    "L1Alignment",
    "LocalMonotonicAlignment",
    "LocalPredictiveAlignment",
    "MeanFlowAlignment",
    "MinMaxAlignment",
    "MultiDimSoftmaxAlignment",
    "SampledAlignment",
    "SigmoidAlignment",
    "SoftmaxAlignment",
    "SparsemaxAlignment",
    "TopKAlignment",
    "available",
    "get",
    "recorded_draws",
    "register",
    "serialize",
]
