"""Images from noise: a generator against a discriminator, with attention.

    networks.py           SAGAN's generator and discriminator
    conditional_normalization.py  batch normalization of a class
    adversarial_model.py  both, trained by `fit`; the two learning rates

How good the images are is measured by `evaluation.ImageJudge`.
"""

from keras_attention.tasks.generation.adversarial_model import AdversarialModel
from keras_attention.tasks.generation.adversarial_model import two_rates
from keras_attention.tasks.generation.conditional_normalization import (
    ConditionalBatchNormalization,
)
from keras_attention.tasks.generation.networks import discriminator
from keras_attention.tasks.generation.networks import generator

__all__ = [
    "AdversarialModel",
    "ConditionalBatchNormalization",
    "discriminator",
    "generator",
    "two_rates",
]
