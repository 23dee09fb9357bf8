"""Data: from a name, a folder, a table or a file to what `model.fit` takes.

The left edge of the walk image -> features -> scores -> weights -> context ->
task head. There are two ways in:

    train, validation, test = datasets.load("cluttered_digits", colour=True)

turns any TFDS name into batches; `"cluttered_digits"` is the embedded data
set, real handwritten digits among clutter with the truth about where to look.

    whole = datasets.from_table("lesions.csv", images="photos", image="id",
                                label="diagnosis", group="patient", size=224)
    train, validation, test = datasets.split(whole)
    model.fit(datasets.batches(train, seed=0, balance=True))

reads images of one's own into `Examples`, divides them, and makes batches.

| step | module | what |
|---|---|---|
| names | `load`, `builders` | a TFDS name to three splits |
| | `digits`, `digits_settings`, `cluttered_digits` | the embedded data set |
| | `tf_dataset`, `py_dataset`, `elements` | the pipelines |
| reading | `table`, `folder`, `arrays`, `npz` | what makes `Examples` |
| | `formats` | objects as COCO, Pascal VOC and YOLO write them |
| | `examples`, `pixels`, `info` | images, labels and what else is known |
| | `files`, `columns` | which files there are, and what a table says |
| | `opening`, `levels`, `images` | what is in an image file |
| | `labels`, `array_labels`, `boxes` | what is to be predicted |
| | `assemble`, `cache` | decoding in threads, now, once or when asked |
| | `problems` | what is wrong, all of it at once |
| looking | `scan`, `checks`, `scan_report` | all files, before a training |
| sizes | `layout`, `placement`, `originals` | to one size, and back |
| dividing | `splits`, `units` | parts that share no group |
| | `duplicates` | what parts share all the same |
| | `concatenate` | and together again |
| batches | `batches`, `epochs`, `ahead` | what `fit` takes, where it is |
| | `sampling`, `augmentation` | balance, variety |
"""

import importlib.util

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.augmentation import Augmentation
from keras_attention.datasets.batches import batches
from keras_attention.datasets.cache import clear_cache
from keras_attention.datasets.concatenate import concatenate
from keras_attention.datasets.digits import generate
from keras_attention.datasets.digits_settings import DigitsSettings
from keras_attention.datasets.duplicates import check_disjoint
from keras_attention.datasets.duplicates import find_duplicates
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.folder import from_folder
from keras_attention.datasets.folder import from_split_folders
from keras_attention.datasets.formats.coco import from_coco
from keras_attention.datasets.formats.voc import from_voc
from keras_attention.datasets.formats.yolo import from_yolo
from keras_attention.datasets.images import read_image
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.info import DataInfo
from keras_attention.datasets.info import Splits
from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.layout import lay_out_boxes
from keras_attention.datasets.layout import to_original
from keras_attention.datasets.load import load
from keras_attention.datasets.npz import from_npz
from keras_attention.datasets.originals import Originals
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.problems import DataError
from keras_attention.datasets.sampling import balanced_order
from keras_attention.datasets.sampling import class_weights
from keras_attention.datasets.scan import scan
from keras_attention.datasets.scan_report import ScanReport
from keras_attention.datasets.splits import folds
from keras_attention.datasets.splits import split
from keras_attention.datasets.table import from_table

__all__ = [
    "Augmentation",
    "DataError",
    "DataInfo",
    "DigitsSettings",
    "Examples",
    "Originals",
    "Pixels",
    "ScanReport",
    "Splits",
    "balanced_order",
    "batches",
    "check_disjoint",
    "class_weights",
    "clear_cache",
    "concatenate",
    "find_duplicates",
    "folds",
    "from_arrays",
    "from_coco",
    "from_folder",
    "from_npz",
    "from_split_folders",
    "from_table",
    "from_voc",
    "from_yolo",
    "generate",
    "lay_out",
    "lay_out_boxes",
    "load",
    "read_image",
    "read_mask",
    "scan",
    "split",
    "to_original",
]

# Without TFDS all but `load` still works.
_OF_TFDS = ("ClutteredDigits", "ClutteredDigitsConfig")
if importlib.util.find_spec("tensorflow_datasets"):
    __all__ += [*_OF_TFDS]


def __getattr__(name):
    # TFDS, which takes a second, is imported when it is asked for, and learns
    # of our builder by it.
    if name not in _OF_TFDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_attention.datasets import cluttered_digits

    return getattr(cluttered_digits, name)
