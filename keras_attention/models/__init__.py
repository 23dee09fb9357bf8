"""image -> classes: networks with attention, assembled functionally.

| network | of |
|---|---|
| `VGG16BNAttention` | VGG16_bn with any attention at any place |
| `VGG16BNTransformer` | VGG16_bn up to a block, then a transformer |
| `MelanomaAttentionVGG16BN` | Yan et al., IPMI 2019, with its family |
| `LearnToPayAttentionVGG` | Jetley et al., ICLR 2018 |
| `SononetGridAttention` | Schlemper et al., MedIA 2019 |
| `ReinforceModel` | any network whose attention draws |

`keras_attention.attach` puts attention into any network that exists already.
"""

from keras_attention.models.learn_to_pay_attention import LearnToPayAttentionVGG
from keras_attention.models.melanoma import MelanomaAttentionVGG16BN
from keras_attention.models.reinforce_model import ReinforceModel
from keras_attention.models.sononet_grid_attention import SononetGridAttention
from keras_attention.models.vgg16_bn_attention import VGG16BNAttention
from keras_attention.models.vgg16_bn_transformer import VGG16BNTransformer

__all__ = [
    "LearnToPayAttentionVGG",
    "MelanomaAttentionVGG16BN",
    "ReinforceModel",
    "SononetGridAttention",
    "VGG16BNAttention",
    "VGG16BNTransformer",
]
