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
without, to be put beside the weights of its attention layers. Whether they are
true is measured:

    answers.py           what a model answers to images that were changed
    removal.py           which pixels go first, and what is left in their place
    answer_curves.py     the answer while pixels go, or come
    remove_and_debias.py the answer without pixels, filled from around them
    confidence.py        the answer to what a map shows of the image
    stability.py         maps under noise that nobody sees
    randomisation.py     maps of a network that forgets what it has learned
    other_attention.py   answers with other attention than was learned
    usage.py             whether these are others
    measured.py          tables of numbers with intervals
    blind_maps.py        maps that know nothing of a model
    faithfulness.py      maps beside these, in one table
"""

from keras_attention.explanation.answer_curves import AnswerCurve
from keras_attention.explanation.answer_curves import deletion
from keras_attention.explanation.answer_curves import insertion
from keras_attention.explanation.class_activation import grad_cam
from keras_attention.explanation.class_activation import grad_cam_plus_plus
from keras_attention.explanation.class_activation import hires_cam
from keras_attention.explanation.class_activation import layer_cam
from keras_attention.explanation.confidence import ConfidenceChange
from keras_attention.explanation.confidence import confidence_change
from keras_attention.explanation.faithfulness import FaithfulnessReport
from keras_attention.explanation.faithfulness import faithfulness_report
from keras_attention.explanation.input_gradients import integrated_gradients
from keras_attention.explanation.input_gradients import saliency
from keras_attention.explanation.input_gradients import smooth_grad
from keras_attention.explanation.measured import MeasuredTable
from keras_attention.explanation.perturbation import occlusion
from keras_attention.explanation.perturbation import rise
from keras_attention.explanation.perturbation import score_cam
from keras_attention.explanation.randomisation import RandomisationCheck
from keras_attention.explanation.randomisation import randomisation_check
from keras_attention.explanation.remove_and_debias import Road
from keras_attention.explanation.remove_and_debias import road
from keras_attention.explanation.rollout import attention_relevance
from keras_attention.explanation.rollout import attention_rollout
from keras_attention.explanation.stability import max_sensitivity
from keras_attention.explanation.targets import InsideMask
from keras_attention.explanation.usage import attention_is_used

__all__ = [
    "AnswerCurve",
    "ConfidenceChange",
    "FaithfulnessReport",
    "InsideMask",
    "MeasuredTable",
    "RandomisationCheck",
    "Road",
    "attention_is_used",
    "attention_relevance",
    "attention_rollout",
    "confidence_change",
    "deletion",
    "faithfulness_report",
    "grad_cam",
    "grad_cam_plus_plus",
    "hires_cam",
    "insertion",
    "integrated_gradients",
    "layer_cam",
    "max_sensitivity",
    "occlusion",
    "randomisation_check",
    "rise",
    "road",
    "saliency",
    "score_cam",
    "smooth_grad",
]
