"""The networks of generate.py, with a block of SAGAN or one of its controls."""

import keras
from keras import ops

from keras_attention import alignments
from keras_attention import layers
from keras_attention.alignments.alignment import Alignment
from keras_attention.tasks import generation


@keras.saving.register_keras_serializable(package="examples")
class ItselfAlignment(Alignment):
    """Each position sees itself alone: the block's maps are 1x1 convolutions.

    >>> scores = keras.ops.zeros((1, 1, 2, 2))
    >>> keras.ops.convert_to_numpy(ItselfAlignment()(scores)).tolist()
    [[[[1.0, 0.0], [0.0, 1.0]]]]
    """

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """The identity, whatever the scores."""
        own = ops.eye(scores.shape[-1], dtype=scores.dtype)
        return ops.zeros_like(scores) + own


NETWORKS = "plain", "attention", "uniform", "1x1"


def blocks(side):
    """What stands behind the map of a side, by the network's name."""
    alignment_of = {
        "attention": "softmax",
        "uniform": alignments.get("softmax", temperature=1e12),
        "1x1": ItselfAlignment(),
    }
    found = {
        name: {side: layers.get("sagan", alignment=alignment)}
        for name, alignment in alignment_of.items()
    }
    return {"plain": None, **found}


def build(name, shape, classes, arguments, seed):
    """Generator and discriminator, compiled."""
    keras.utils.set_random_seed(seed)
    options = {
        "width": arguments["width"],
        "classes": classes,
        "attention": blocks(min(shape[:2]) // 2)[name],
    }
    model = generation.AdversarialModel(
        generation.generator(shape, **options),
        generation.discriminator(shape, **options),
        classes=classes,
        seed=seed,
    )
    model.compile(
        generation.two_rates(
            model,
            *arguments["rates"],
            use_ema=True,
            ema_momentum=arguments["ema"],
        )
    )
    return model
