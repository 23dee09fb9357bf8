"""Search: which attention, where in the network, and how to train it.

    hypermodel = tuning.AttentionHyperModel((56, 56, 3), 10, max_overhead=0.1)
    result = tuning.search(hypermodel, train, validation, max_trials=20)
    print(result.summary())

| folder | what |
|---|---|
| `space` | what can be drawn: places, mechanisms, their arguments |
| `trial` | what was drawn to a trained network and its numbers |
| `engine` | KerasTuner asked and told, trials run here or on Dask, a folder |
| `result` | a search's folder to tables, words, figures and a fresh winner |
| `search.py` | the call that runs it |

Each imports only what stands above it. `result` reads the files of any
KerasTuner search, and knows of the rest only what data a trial takes.
"""

from keras_attention.tuning.result import SearchResult
from keras_attention.tuning.search import search
from keras_attention.tuning.space.choices import LAYER_CHOICES
from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.choices import TRAINING_CHOICES
from keras_attention.tuning.space.combinations import enumerate_space
from keras_attention.tuning.space.combinations import size_of
from keras_attention.tuning.space.mechanisms import MECHANISMS
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.options import attention_options
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.spaces import attention_space
from keras_attention.tuning.space.spaces import network_space
from keras_attention.tuning.space.spaces import training_space
from keras_attention.tuning.trial.budget import TooCostlyError
from keras_attention.tuning.trial.hypermodel import AttentionHyperModel

__all__ = [
    "LAYER_CHOICES",
    "MECHANISMS",
    "NETWORK_CHOICES",
    "TRAINING_CHOICES",
    "AttentionHyperModel",
    "SearchResult",
    "Site",
    "TooCostlyError",
    "attention_options",
    "attention_space",
    "enumerate_space",
    "layer_of",
    "network_space",
    "search",
    "size_of",
    "training_space",
]
