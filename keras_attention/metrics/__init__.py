"""Numbers of arrays: is a model right, and does attention find the object?

    classification.py  labels and scores -> areas under curves
    bootstrap.py       any of these -> how sure it is
    calibration.py     labels and probabilities -> calibration error
    temperature.py     probabilities -> calibrated ones
    localisation.py    maps and masks -> share of the attention on the object
    overlap.py         classes of pixels -> Dice and IoU of each class
    jaccard.py         maps and masks -> overlap of the highest with the object

All but `ExpectedCalibrationError`, `MeanDice` and `MeanIoU` take arrays, after
training; which Keras metric follows the same number in `fit` is said in
`classification.py`.
`keras_attention.evaluation` applies them to models.
"""

from keras_attention.metrics.bootstrap import bootstrap_interval
from keras_attention.metrics.calibration import ExpectedCalibrationError
from keras_attention.metrics.calibration import expected_calibration_error
from keras_attention.metrics.classification import average_precision
from keras_attention.metrics.classification import roc_auc
from keras_attention.metrics.classification import sensitivity_at_specificity
from keras_attention.metrics.jaccard import map_jaccard
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.localisation import centre_energy
from keras_attention.metrics.localisation import centre_map
from keras_attention.metrics.overlap import MeanDice
from keras_attention.metrics.overlap import MeanIoU
from keras_attention.metrics.overlap import dice_per_class
from keras_attention.metrics.overlap import iou_per_class
from keras_attention.metrics.temperature import at_temperature
from keras_attention.metrics.temperature import fit_temperature

__all__ = [
    "ExpectedCalibrationError",
    "MeanDice",
    "MeanIoU",
    "area_share",
    "at_temperature",
    "attention_energy",
    "average_precision",
    "bootstrap_interval",
    "centre_energy",
    "centre_map",
    "dice_per_class",
    "expected_calibration_error",
    "fit_temperature",
    "iou_per_class",
    "map_jaccard",
    "roc_auc",
    "sensitivity_at_specificity",
]
