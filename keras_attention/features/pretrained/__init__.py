"""Weights that somebody else has trained: found, read, checked, assigned.

| module | what |
|---|---|
| `loading` | from a network's argument `weights` to its weights |
| `published` | what is published where, `weights_info` |
| `download` | a file from the network, once |
| `files` | `read_weights`: a file of any format as arrays by name |
| `torch_files` | PyTorch's formats, without PyTorch |
| `pickles` | pickles that hold tensors, without Python's unpickler |
| `keras_files` | Keras' formats |
| `fit` | arrays into a model, all or none |
"""

from keras_attention.features.pretrained.files import read_weights
from keras_attention.features.pretrained.published import weights_info

__all__ = ["read_weights", "weights_info"]
