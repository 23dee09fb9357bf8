"""What an answer rests on: maps that gradients and perturbations give.

    targets.py           what is explained: one number an image
    map_layers.py        which layers have maps, and which of them to explain
    gradients.py         the gradient of that number at places inside a model
    class_activation.py  maps of a layer -> Grad-CAM and its kin
    whole_sets.py        many images, some at a time

Maps are arrays `(batch, height, width)` of any model, with attention or
without, to be put beside the weights of its attention layers.
"""

from keras_attention.explanation.class_activation import grad_cam
from keras_attention.explanation.class_activation import grad_cam_plus_plus
from keras_attention.explanation.class_activation import hires_cam
from keras_attention.explanation.class_activation import layer_cam
from keras_attention.explanation.targets import InsideMask

__all__ = [
    "InsideMask",
    "grad_cam",
    "grad_cam_plus_plus",
    "hires_cam",
    "layer_cam",
]
