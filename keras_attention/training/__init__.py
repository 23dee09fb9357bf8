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

freezing.py       what of a network trains
rates.py          learning rates that differ between its layers
network_parts.py  head and backbone, told apart
schedule.py       warm-up and cosine
averaging.py      callbacks that see averaged weights
fine_tuning.py    all of it in one call
"""

from keras_attention.training.averaging import averaged
from keras_attention.training.cross_validation import CrossValidation
from keras_attention.training.cross_validation import cross_validate
from keras_attention.training.feature_cache import cached_features
from keras_attention.training.fine_tuning import compile_fine_tuning
from keras_attention.training.freezing import Trained
from keras_attention.training.freezing import freeze
from keras_attention.training.rates import discriminative
from keras_attention.training.resumable import Resumable
from keras_attention.training.schedule import warm_up_cosine

__all__ = [
    "CrossValidation",
    "Resumable",
    "Trained",
    "averaged",
    "cached_features",
    "compile_fine_tuning",
    "cross_validate",
    "discriminative",
    "freeze",
    "warm_up_cosine",
]
