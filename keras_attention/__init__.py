"""Attention for convolutional networks in Keras 3.

Every attention mechanism in computer vision is the same walk, and every
folder is one step of it:

    image -> features -> scores -> weights -> context -> task head
             (CNN)      (score)  (alignment) (aggregation)

| step | folder | in | out |
|---|---|---|---|
| data | `datasets` | a name, folder or table | batches of images and labels |
| features | `features` | image | map `(batch, height, width, channels)` |
| scores | `scores` | query, features | `(batch, heads, queries, positions)` |
| weights | `alignments` | scores | the same shape, non-negative |
| context | `aggregations` | weights, features | vectors or a gated map |
| mechanisms | `layers` | map | the three steps in one layer |
| surgery | `surgery` | any network | the same with attention in it |
| networks | `models` | image | classes |
| tasks | `tasks` | image | sentences, objects, maps, images |
| inspection | `inspection` | a model | its weights, and what they cost |
| losses | `losses` | predictions, maps, masks | what to minimise |
| training | `training` | a model, data | a trained one, after kills too |
| numbers | `metrics` | arrays | right answers, and attention |
| tables | `evaluation` | models, test data | one row a model |
| pictures | `visualization` | models, images | figures of the weights |
| watching | `callbacks` | a training | where it looks, epoch by epoch |
| search | `tuning` | a space of networks | the best, and how sure that is |
| files | `exporting` | a model | what runs without Keras, compared with it |
| your own | `testing` | a layer | what it promises, checked |
"""

import importlib

# Raises if Keras is older than what the others need.
from keras_attention.internals import keras_version

# isort: split

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import features
from keras_attention import inspection
from keras_attention import layers
from keras_attention import losses
from keras_attention import metrics
from keras_attention import models
from keras_attention import scores
from keras_attention import surgery
from keras_attention import tasks
from keras_attention.features import VGG11
from keras_attention.features import VGG11BN
from keras_attention.features import VGG13
from keras_attention.features import VGG13BN
from keras_attention.features import VGG16
from keras_attention.features import VGG16BN
from keras_attention.features import VGG19
from keras_attention.features import VGG19BN
from keras_attention.features import EfficientNetLite0
from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection import attention_summary
from keras_attention.inspection import count_costs
from keras_attention.internals import schedules
from keras_attention.internals.recording import record_attention
from keras_attention.internals.requirements import explained
from keras_attention.models import MelanomaAttentionVGG16BN
from keras_attention.models import VGG16BNAttention
from keras_attention.surgery import attach
from keras_attention.surgery import compare_weights
from keras_attention.surgery import detach
from keras_attention.version import __version__

# Loaded on first use, so that `import keras_attention` needs only Keras; above
# are all rooms whose classes a saved model may have, so that it can be loaded.
_LAZY = {
    "callbacks": "keras_attention.callbacks",
    "datasets": "keras_attention.datasets",
    "exporting": "keras_attention.exporting",
    "evaluation": "keras_attention.evaluation",
    "explanation": "keras_attention.explanation",
    "testing": "keras_attention.testing",
    "training": "keras_attention.training",
    "tuning": "keras_attention.tuning",
    "visualization": "keras_attention.visualization",
    "compare": "keras_attention.evaluation:compare",
    "export": "keras_attention.exporting:export",
}

__all__ = [
    "VGG11",
    "VGG11BN",
    "VGG13",
    "VGG13BN",
    "VGG16",
    "VGG16BN",
    "VGG19",
    "VGG19BN",
    "AttentionExtractor",
    "EfficientNetLite0",
    "MelanomaAttentionVGG16BN",
    "VGG16BNAttention",
    "__version__",
    "aggregations",
    "alignments",
    "attach",
    "attention_summary",
    "callbacks",
    "compare",
    "compare_weights",
    "count_costs",
    "datasets",
    "detach",
    "evaluation",
    "explanation",
    "export",
    "exporting",
    "features",
    "inspection",
    "layers",
    "losses",
    "metrics",
    "models",
    "record_attention",
    "scores",
    "surgery",
    "tasks",
    "testing",
    "training",
    "tuning",
    "visualization",
]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _LAZY[name].partition(":")
    with explained(module):
        module = importlib.import_module(module)
    return getattr(module, attribute) if attribute else module


def __dir__():
    return sorted({*globals(), *_LAZY})
