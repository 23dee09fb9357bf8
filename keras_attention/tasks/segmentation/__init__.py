"""Image -> a class for every pixel.

| network | attention |
|---|---|
| `AttentionUNet` | gates on what an encoder hands to its decoder |
| `AttentionFCN` | non-local, dual, criss-cross, ... on any network's map |

Trained with `losses.DiceLoss`, measured with `metrics.dice_per_class`.
"""

from keras_attention.tasks.segmentation.attention_fcn import AttentionFCN
from keras_attention.tasks.segmentation.attention_unet import AttentionUNet

__all__ = ["AttentionFCN", "AttentionUNet"]
