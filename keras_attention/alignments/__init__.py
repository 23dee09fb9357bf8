"""scores -> weights: what a network makes of its scores.

An alignment is a layer, called `alignment(scores, mask=None)`, that returns
non-negative weights in the shape of the scores, in float32. (Some surveys
call the score "alignment function"; here the word means the normalisation.)

| key | weights | sum to 1 |
|---|---|---|
| `softmax` | positive everywhere, sharper at a low temperature | yes |
| `entmax15` | between softmax and sparsemax: 0 where scores are low | yes |
| `sparsemax` | 0 where scores are low, linear elsewhere | yes |
| `hard` | 1 at the highest score, 0 elsewhere | yes |
| `sigmoid` | each position by itself | no |
"""

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.alignments.entmax15 import Entmax15Alignment
from keras_attention.alignments.hard import HardAlignment
from keras_attention.alignments.sigmoid import SigmoidAlignment
from keras_attention.alignments.softmax import SoftmaxAlignment
from keras_attention.alignments.sparsemax import SparsemaxAlignment

available = registry.available
get = registry.get
serialize = registry.serialize
