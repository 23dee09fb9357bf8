"""One word more of many captions, compiled."""

import weakref

import keras
from keras import ops

_STEPS = weakref.WeakKeyDictionary()  # of models: the variables, and a step


class WordStep(keras.Model):
    """`decoder.step` behind a choice of captions, as one function.

    Run one by one, the 100 operations of a word take TensorFlow longer to begin
    than to compute. `predict_on_batch` compiles them for all words.

    Args:
        decoder: `CaptionDecoder`.
    """

    def __init__(self, decoder):
        # What a decoder remembers has its dtypes already.
        super().__init__(autocast=False)
        self.decoder = decoder
        self.built = True
        # TensorFlow's graphs are fast here, and its XLA takes seconds to
        # compile; JAX compiles by XLA or not at all.
        self.compile(jit_compile=keras.backend.backend() == "jax")

    def call(self, inputs):
        """`(memory, states, order, tokens)` to logits, states and weights.

        `order`, int `(batch,)`, says which state each caption goes on from.
        """
        memory, states, order, tokens = inputs
        states = keras.tree.map_structure(
            lambda x: ops.take(x, order, axis=0), states
        )
        return self.decoder.step(memory, states, tokens)


def word_step(model):
    """A function as `WordStep.call`, compiled once a model and shape.

    Args:
        model: `CaptioningModel`.
    """
    # Quantization and LoRA give a decoder other variables.
    variables = [id(variable) for variable in model.decoder.variables]
    known, step = _STEPS.get(model, (None, None))
    if known != variables:
        step = WordStep(model.decoder)
        _STEPS[model] = variables, step
    return step.predict_on_batch
