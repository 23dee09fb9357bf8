"""Watching attention and answers while a model is trained.

    attention_monitor.py  `fit` -> numbers in its logs, and a timeline
    prediction_monitor.py `fit` -> a timeline of the pixels' predicted classes
    monitor.py            when both look, and that they end no training
    maps_in_training.py   a model and images -> maps, and nothing changed
    measures.py           maps, masks -> one number a layer
    monitor_files.py      what is kept of the epochs, in figures and TensorBoard
    sample_grid.py        what a generator draws, a grid an epoch

A callback looks and changes nothing: a training with it is, bit for bit, the
training without it.
"""

from keras_attention.callbacks.attention_monitor import AttentionMonitor
from keras_attention.callbacks.prediction_monitor import PredictionMonitor
from keras_attention.callbacks.sample_grid import SampleGrid

__all__ = ["AttentionMonitor", "PredictionMonitor", "SampleGrid"]
