"""Data: builders for TensorFlow Datasets, splits and pipelines.

The right edge of the map image -> features -> scores -> weights -> context ->
task head is a model; this is what it is trained on. `load` turns any TFDS name
into `train, validation, test`; `"cluttered_digits"` is the embedded data set,
real handwritten digits among clutter with the truth about where to look:

    train, validation, test = datasets.load("cluttered_digits", colour=True)

    digits.py            the examples, in NumPy
    cluttered_digits.py  the TFDS builder; importing this folder registers it
    builders.py          finding and preparing a data set
    load.py              `load`, which splits there are
    elements.py          what an element holds, in which order
    tf_dataset.py        the TensorFlow pipeline
    py_dataset.py        the JAX and PyTorch pipeline
    resize.py            resizing without a backend
"""

from keras_attention.datasets.cluttered_digits import ClutteredDigits
from keras_attention.datasets.cluttered_digits import ClutteredDigitsConfig
from keras_attention.datasets.digits import DigitsSettings
from keras_attention.datasets.digits import generate
from keras_attention.datasets.load import DataInfo
from keras_attention.datasets.load import Splits
from keras_attention.datasets.load import load

__all__ = [
    "ClutteredDigits",
    "ClutteredDigitsConfig",
    "DataInfo",
    "DigitsSettings",
    "Splits",
    "generate",
    "load",
]
