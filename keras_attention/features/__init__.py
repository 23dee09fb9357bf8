"""Image -> features: the first arrow of the pipeline.

An image `(batch, height, width, channels)` becomes a feature map
`(batch, height / 32, width / 32, features)`, whose positions the scores then
compare with a query. Every block of a network is a named layer, so that any
of its maps can be attended to: `model.get_layer("block3_pool").output`.

| module | what |
|---|---|
| `vgg11`, `vgg13`, `vgg16`, `vgg19` | with and without batch normalization |
| `vgg` | how they are built, layer by layer |
| `efficientnet_lite0` | small, pretrained from an index of packages |
| `network_arguments` | which images and widths they accept |
| `torchvision_weights` | torchvision's state dictionaries into these models |
| `pretrained` | files of weights and what is published, without PyTorch |
| `normalization` | batch normalization in a network without |
| `position_embedding`, `class_token` | a map, as a transformer takes it |
| `resize_like` | a map in the size of another |
| `preprocessing` | pixels as the published weights expect them |
"""

from keras_attention.features.class_token import ClassToken
from keras_attention.features.efficientnet_lite0 import EfficientNetLite0
from keras_attention.features.normalization import batch_normalized
from keras_attention.features.position_embedding import PositionEmbedding2D
from keras_attention.features.preprocessing import preprocess_input
from keras_attention.features.pretrained import read_weights
from keras_attention.features.pretrained import weights_info
from keras_attention.features.resize_like import ResizeLike
from keras_attention.features.torchvision_weights import load_torchvision_state
from keras_attention.features.vgg11 import VGG11
from keras_attention.features.vgg11 import VGG11BN
from keras_attention.features.vgg13 import VGG13
from keras_attention.features.vgg13 import VGG13BN
from keras_attention.features.vgg16 import VGG16
from keras_attention.features.vgg16 import VGG16BN
from keras_attention.features.vgg19 import VGG19
from keras_attention.features.vgg19 import VGG19BN

__all__ = [
    "VGG11",
    "VGG11BN",
    "VGG13",
    "VGG13BN",
    "VGG16",
    "VGG16BN",
    "VGG19",
    "VGG19BN",
    "ClassToken",
    "EfficientNetLite0",
    "PositionEmbedding2D",
    "ResizeLike",
    "batch_normalized",
    "load_torchvision_state",
    "preprocess_input",
    "read_weights",
    "weights_info",
]
