"""Numbers of arrays: is a model right, and does attention find the object?

    classification.py  labels and scores -> areas under curves
    bootstrap.py       any of these -> how sure it is
    calibration.py     labels and probabilities -> calibration error
    temperature.py     probabilities -> calibrated ones
    localisation.py    maps and masks -> share of the attention on the object
    jaccard.py         maps and masks -> overlap of the highest with the object
    captions.py        texts and references -> ROUGE-L, CIDEr-D, exact match
    bleu.py            the same -> BLEU, counted by sacrebleu
    references.py      what both of them read

All but `ExpectedCalibrationError` take arrays, after training; which Keras
metric follows the same number in `fit` is said in `classification.py`.
`keras_attention.evaluation` applies them to models.
"""

from keras_attention.metrics.bleu import bleu
from keras_attention.metrics.bootstrap import bootstrap_interval
from keras_attention.metrics.calibration import ExpectedCalibrationError
from keras_attention.metrics.calibration import expected_calibration_error
from keras_attention.metrics.captions import caption_scores
from keras_attention.metrics.captions import cider_d
from keras_attention.metrics.captions import exact_match
from keras_attention.metrics.captions import rouge_l
from keras_attention.metrics.classification import average_precision
from keras_attention.metrics.classification import roc_auc
from keras_attention.metrics.classification import sensitivity_at_specificity
from keras_attention.metrics.jaccard import map_jaccard
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.localisation import centre_energy
from keras_attention.metrics.localisation import centre_map
from keras_attention.metrics.temperature import at_temperature
from keras_attention.metrics.temperature import fit_temperature

__all__ = [
    "ExpectedCalibrationError",
    "area_share",
    "at_temperature",
    "attention_energy",
    "average_precision",
    "bleu",
    "bootstrap_interval",
    "caption_scores",
    "centre_energy",
    "centre_map",
    "cider_d",
    "exact_match",
    "expected_calibration_error",
    "fit_temperature",
    "map_jaccard",
    "roc_auc",
    "rouge_l",
    "sensitivity_at_specificity",
]
