"""A compiled model and data -> a trained one, whatever comes between.

resumable.py      `fit` that goes on where it was killed
keeper.py         the callback that writes, and the list of all callbacks
state.py          what a training is made of: variables, callbacks' values
description.py    what must be the same for it to go on
checkpoints.py    generations on disk, whole and checked
interruption.py   SIGTERM and Ctrl-C, noted until it can stop

cross_validation.py  every example predicted without it
feature_cache.py  the maps of a frozen network, computed once, on disk
fingerprint.py    what a network computes and of what, in one word
"""

from keras_attention.training.cross_validation import CrossValidation
from keras_attention.training.cross_validation import cross_validate
from keras_attention.training.feature_cache import cached_features
from keras_attention.training.resumable import Resumable

__all__ = [
    "CrossValidation",
    "Resumable",
    "cached_features",
    "cross_validate",
]
