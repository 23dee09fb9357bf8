"""image -> classes: networks with attention, assembled functionally."""

from keras_attention.models.melanoma import MelanomaAttentionVGG16BN
from keras_attention.models.vgg16_bn_attention import VGG16BNAttention
