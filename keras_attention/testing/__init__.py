"""What a good attention layer promises, as checks that anyone can run.

`check_attention_layer(factory, input_shape)` tries a layer on feature maps,
of this package or of your own, on public Keras API only. Each check is one
short function:

| module | what |
|---|---|
| `saving` | saved, loaded, quantized, rebuilt from its config |
| `shapes` | what is declared is what is computed |
| `execution` | compiled, trained, exported |
| `precision` | half precision, extreme inputs, masks, NaN |
| `behaviour` | layouts, randomness, identity, inspection |
| `errors` | bad input |
"""

from keras_attention.testing.check import attention_layer_checks
from keras_attention.testing.check import check_attention_layer
from keras_attention.testing.promises import BrokenPromises

__all__ = [
    "BrokenPromises",
    "attention_layer_checks",
    "check_attention_layer",
]
