"""Named mechanisms: thin compositions of scores, alignments, aggregations.

Every layer here keeps the promises of `AttentionLayer2D` and is checked by
`keras_attention.testing.check_attention_layer`.

| key | family | what it asks |
|---|---|---|
| `attn_pool` | pooling | which positions answer a query |
| `gate` | gate | which positions a deeper map confirms |
| `se` | channel | which channels matter in this image |
"""

from keras_attention.layers.attention_gate import AttentionGate2D
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.attention_pooling import AttentionPooling2D
from keras_attention.layers.squeeze_and_excite import SqueezeAndExcite2D

available = registry.available
get = registry.get
serialize = registry.serialize
