"""scores -> weights: what a network makes of its scores.

An alignment is a layer, called `alignment(scores, mask=None)`, that returns
non-negative weights in the shape of the scores, in float32. (Some surveys
call the score "alignment function"; here the word means the normalisation.)

| key | weights | sum to 1 |
|---|---|---|
| `softmax` | positive everywhere, sharper at a low temperature | yes |
| `sigmoid` | each position by itself | no |
"""

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.alignments.sigmoid import SigmoidAlignment
from keras_attention.alignments.softmax import SoftmaxAlignment

available = registry.available
get = registry.get
serialize = registry.serialize
