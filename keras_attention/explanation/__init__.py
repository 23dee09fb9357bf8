"""What an answer rests on: maps that gradients and perturbations give.

    targets.py           what is explained: one number an image
    map_layers.py        which layers have maps, and which of them to explain
    gradients.py         the gradient of that number at places inside a model
    class_activation.py  maps of a layer -> Grad-CAM and its kin
    input_gradients.py   saliency, SmoothGrad, integrated gradients
    perturbation.py      occlusion, RISE, Score-CAM
    rollout.py           attention followed from layer to layer
    pixels.py            images of one input, and maps of their size
    whole_sets.py        many images, some at a time

Maps are arrays `(batch, height, width)` of any model, with attention or
without, to be put beside the weights of its attention layers.
"""

from keras_attention.explanation.class_activation import grad_cam
from keras_attention.explanation.class_activation import grad_cam_plus_plus
from keras_attention.explanation.class_activation import hires_cam
from keras_attention.explanation.class_activation import layer_cam
from keras_attention.explanation.input_gradients import integrated_gradients
from keras_attention.explanation.input_gradients import saliency
from keras_attention.explanation.input_gradients import smooth_grad
from keras_attention.explanation.perturbation import occlusion
from keras_attention.explanation.perturbation import rise
from keras_attention.explanation.perturbation import score_cam
from keras_attention.explanation.rollout import attention_relevance
from keras_attention.explanation.rollout import attention_rollout
from keras_attention.explanation.targets import InsideMask

__all__ = [
    "InsideMask",
    "attention_relevance",
    "attention_rollout",
    "grad_cam",
    "grad_cam_plus_plus",
    "hires_cam",
    "integrated_gradients",
    "layer_cam",
    "occlusion",
    "rise",
    "saliency",
    "score_cam",
    "smooth_grad",
]
