"""Numbers about models: are they right, and does attention find the object?

    classification.py  labels and scores -> areas under curves, intervals
    calibration.py     labels and probabilities -> calibration error
    localisation.py    maps and masks -> share of the attention on the object
    attention_kind.py  whether weights are a map, channels or pairs
    comparison.py      models and a test set -> one row a model
    attention_summary.py  a model -> what its attention costs
    batches.py         one way through every kind of test set
    report.py          the rows, to print, to show and to save
    table.py           aligned text and HTML
    device_memory.py   how much memory there is

All but `ExpectedCalibrationError` take arrays, after training; which Keras
metric follows the same number in `fit` is said in `classification.py`.
Nothing here draws; figures are in `keras_attention.visualization`.
"""

from keras_attention.metrics.attention_summary import AttentionSummary
from keras_attention.metrics.attention_summary import attention_summary
from keras_attention.metrics.calibration import ExpectedCalibrationError
from keras_attention.metrics.calibration import expected_calibration_error
from keras_attention.metrics.classification import average_precision
from keras_attention.metrics.classification import bootstrap_interval
from keras_attention.metrics.classification import roc_auc
from keras_attention.metrics.classification import sensitivity_at_specificity
from keras_attention.metrics.comparison import compare
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.localisation import centre_energy
from keras_attention.metrics.localisation import centre_map
from keras_attention.metrics.report import Comparison

__all__ = [
    "AttentionSummary",
    "Comparison",
    "ExpectedCalibrationError",
    "area_share",
    "attention_energy",
    "attention_summary",
    "average_precision",
    "bootstrap_interval",
    "centre_energy",
    "centre_map",
    "compare",
    "expected_calibration_error",
    "roc_auc",
    "sensitivity_at_specificity",
]
