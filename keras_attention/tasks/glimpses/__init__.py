"""Looking closer where it matters: a few patches instead of the whole image.

| name | what |
|---|---|
| `AttentionSampling` | a classifier that sees patches drawn from a map |
| `RecurrentGlimpses` | one patch after the other, each where the last leads |
| `PatchSampling2D` | the draw, with gradients and without replacement |
| `PerPatch` | one network for every patch of every image |
| `crop_patches` | patches at given places, by one gather |
"""

from keras_attention.tasks.glimpses.attention_sampling import AttentionSampling
from keras_attention.tasks.glimpses.patch_sampling import PatchSampling2D
from keras_attention.tasks.glimpses.patches import PerPatch
from keras_attention.tasks.glimpses.patches import crop_patches
from keras_attention.tasks.glimpses.recurrent_glimpses import RecurrentGlimpses

__all__ = [
    "AttentionSampling",
    "PatchSampling2D",
    "PerPatch",
    "RecurrentGlimpses",
    "crop_patches",
]
