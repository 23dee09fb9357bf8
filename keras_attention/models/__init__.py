"""image -> classes: networks with attention, assembled functionally.

`attach` puts attention into any network that exists already.
"""

from keras_attention.models.attach import attach
from keras_attention.models.detach import detach
from keras_attention.models.melanoma import MelanomaAttentionVGG16BN
from keras_attention.models.reinforce_model import ReinforceModel
from keras_attention.models.vgg16_bn_attention import VGG16BNAttention
from keras_attention.models.weight_report import WeightReport
from keras_attention.models.weight_report import compare_weights
