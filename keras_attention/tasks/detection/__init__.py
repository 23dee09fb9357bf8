"""What is where: networks that find objects, and how well they do.

| module | what |
|---|---|
| `boxes` | corners and centres, IoU and GIoU, suppression of doubles |
| `objects` | padded objects of images, and those found in outputs |
| `assignment` | which prediction answers for which object |
| `detection_model` | the loss under `fit`, and `detect` |
| `one_stage` | a pyramid whose every cell says what is there |
| `group_normalization` | of maps, in fewer passes than Keras' |
| `detr`, `detr_blocks` | a transformer whose queries find an object each |
| `queries` | what they are, where they look, and their boxes |
| `mean_average_precision` | COCO's and VOC's numbers, also after epochs |
| `other_classes` | a trained detector for other classes |
| `resampling` | the same number of images drawn again, for intervals |

A box is `(ymin, xmin, ymax, xmax)` as shares of the image.
"""

from keras_attention.tasks.detection.boxes import areas
from keras_attention.tasks.detection.boxes import generalized_iou
from keras_attention.tasks.detection.boxes import iou
from keras_attention.tasks.detection.boxes import non_max_suppression
from keras_attention.tasks.detection.boxes import to_centres
from keras_attention.tasks.detection.boxes import to_corners
from keras_attention.tasks.detection.detection_model import DetectionModel
from keras_attention.tasks.detection.detr import DETR
from keras_attention.tasks.detection.mean_average_precision import (
    MeanAveragePrecision,
)
from keras_attention.tasks.detection.mean_average_precision import (
    mean_average_precision,
)
from keras_attention.tasks.detection.objects import find_objects
from keras_attention.tasks.detection.objects import pad_objects
from keras_attention.tasks.detection.one_stage import OneStageDetector
from keras_attention.tasks.detection.other_classes import with_classes
from keras_attention.tasks.detection.resampling import map50_of_images

__all__ = [
    "DETR",
    "DetectionModel",
    "MeanAveragePrecision",
    "OneStageDetector",
    "areas",
    "find_objects",
    "generalized_iou",
    "iou",
    "map50_of_images",
    "mean_average_precision",
    "non_max_suppression",
    "pad_objects",
    "to_centres",
    "to_corners",
    "with_classes",
]
