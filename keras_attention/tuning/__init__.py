"""Search: which attention, where in the network, and how to train it.

    hypermodel = tuning.AttentionHyperModel((56, 56, 3), 10, max_overhead=0.1)
    result = tuning.search(hypermodel, train, validation, max_trials=20)
    print(result.summary())

| step | module | what |
|---|---|---|
| what fits | `options` | a map to mechanisms and their arguments, by flags |
| | `sites` | a network to the maps that it offers |
| drawing | `space` | `hp` to a plain dictionary |
| | `combinations` | a space to its size and its elements |
| a trial | `hypermodel` | a dictionary to a trained network and its numbers |
| | `schedule` | optimizers, warm-up and decay |
| | `trial_data` | arrays, folds and batches to what `fit` takes |
| | `agreement` | attention on the objects, as one number |
| the search | `search`, `request`, `job` | the call, checked; how it travels |
| | `exploration`, `objective` | what is searched, and for what |
| | `oracle`, `algorithms`, `trial_runner` | KerasTuner, made to survive |
| | `failures`, `progress` | why a trial failed; one line a trial |
| | `settings`, `lock`, `trial_files` | a folder: the same, one's own, whole |
| | `cluster`, `parts`, `chief`, `workers`, `worker`, `link` | processes |
| the result | `result`, `records`, `axes` | a folder to rows |
| | `leaderboard`, `words`, `page` | tables, sentences, one HTML page |
| | `effects`, `importance` | what mattered |
| | `figures`, `parallel`, `canvas` | figures |
| | `retraining` | the winner again, on fresh seeds |
| | `tensorboard_log`, `trackers` | for other tools |
| | `example_search` | a search that nobody ran, for examples |
"""

from keras_attention.tuning.combinations import enumerate_space
from keras_attention.tuning.combinations import size_of
from keras_attention.tuning.hypermodel import AttentionHyperModel
from keras_attention.tuning.hypermodel import TooCostlyError
from keras_attention.tuning.options import LAYER_CHOICES
from keras_attention.tuning.options import Site
from keras_attention.tuning.options import attention_options
from keras_attention.tuning.options import layer_of
from keras_attention.tuning.result import SearchResult
from keras_attention.tuning.search import search
from keras_attention.tuning.space import NETWORK_CHOICES
from keras_attention.tuning.space import TRAINING_CHOICES
from keras_attention.tuning.space import attention_space
from keras_attention.tuning.space import network_space
from keras_attention.tuning.space import training_space
