"""Image -> a class for every pixel.

| network | attention |
|---|---|
| `AttentionUNet` | gates on what an encoder hands to its decoder |

Trained with `losses.DiceLoss`, measured with `metrics.dice_per_class`.
"""

from keras_attention.tasks.segmentation.attention_unet import AttentionUNet

__all__ = ["AttentionUNet"]
