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


# What makes weights of a block's scores; all blocks have the same layers.
ALIGNMENTS = {
    "plain": None,
    "attention": "softmax",
    "uniform": alignments.get("softmax", temperature=1e12),
    "1x1": ItselfAlignment(),
}


def build(name, shape, classes, arguments, seed):
    """Generator and discriminator, compiled."""
    keras.utils.set_random_seed(seed)
    attention, alignment = None, ALIGNMENTS[name]
    if alignment is not None:
        block = layers.get("sagan", alignment=alignment)
        attention = {min(shape[:2]) // 2: block}
    options = {
        "width": arguments["width"],
        "classes": classes,
        "attention": attention,
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
