"""Numbers of arrays: is a model right, and does attention find the object?

    classification.py  labels and scores -> areas under curves
    bootstrap.py       any of these -> how sure it is
    calibration.py     labels and probabilities -> calibration error
    temperature.py     probabilities -> calibrated ones
    localisation.py    maps and masks -> share of the attention on the object
    agreement.py       maps and masks -> does it point there, more than by size
    overlap.py         maps and masks -> overlap of the highest with the object
    ranking.py         maps and masks -> are the object's pixels above others
    concentration.py   maps -> are they on few positions, or everywhere alike
    generation.py      answers and features -> how good generated images are
    captions.py        texts and references -> ROUGE-L, CIDEr-D, exact match
    bleu.py            the same -> BLEU, counted by sacrebleu
    references.py      what both of them read
    pixel_classes.py   classes of pixels -> Dice and IoU of each class

All but `ExpectedCalibrationError`, `MeanDice` and `MeanIoU` take arrays, after
training; which Keras metric follows the same number in `fit` is said in
`classification.py`.
`keras_attention.evaluation` applies them to models.
"""

from keras_attention.metrics.agreement import attention_lift
from keras_attention.metrics.agreement import pointing_game
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
from keras_attention.metrics.concentration import attention_entropy
from keras_attention.metrics.concentration import attention_gini
from keras_attention.metrics.concentration import attention_top_share
from keras_attention.metrics.generation import FeatureStatistics
from keras_attention.metrics.generation import frechet_distance
from keras_attention.metrics.generation import inception_score
from keras_attention.metrics.generation import kernel_distance
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.localisation import centre_energy
from keras_attention.metrics.localisation import centre_map
from keras_attention.metrics.overlap import map_dice
from keras_attention.metrics.overlap import map_jaccard
from keras_attention.metrics.pixel_classes import MeanDice
from keras_attention.metrics.pixel_classes import MeanIoU
from keras_attention.metrics.pixel_classes import dice_per_class
from keras_attention.metrics.pixel_classes import iou_per_class
from keras_attention.metrics.ranking import map_average_precision
from keras_attention.metrics.ranking import map_roc_auc
from keras_attention.metrics.temperature import at_temperature
from keras_attention.metrics.temperature import fit_temperature

__all__ = [
    "ExpectedCalibrationError",
    "FeatureStatistics",
    "MeanDice",
    "MeanIoU",
    "area_share",
    "at_temperature",
    "attention_energy",
    "attention_entropy",
    "attention_gini",
    "attention_lift",
    "attention_top_share",
    "average_precision",
    "bleu",
    "bootstrap_interval",
    "caption_scores",
    "centre_energy",
    "centre_map",
    "cider_d",
    "dice_per_class",
    "exact_match",
    "expected_calibration_error",
    "fit_temperature",
    "frechet_distance",
    "inception_score",
    "iou_per_class",
    "kernel_distance",
    "map_average_precision",
    "map_dice",
    "map_jaccard",
    "map_roc_auc",
    "pointing_game",
    "roc_auc",
    "rouge_l",
    "sensitivity_at_specificity",
]
