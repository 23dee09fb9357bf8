"""The model that is exported: images in, named answers and maps out."""

from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_attention.exporting.names import legal_names
from keras_attention.exporting.names import name_answers
from keras_attention.inspection import AttentionExtractor

INPUT_NAME = "images"


class Output(NamedTuple):
    """An output's name, its path in the model, and whether it is a map."""

    name: str
    path: str
    is_map: bool
    tensor: Any


class ServedModel(keras.Model):
    """A model with its preprocessing, whose outputs have names.

    Args:
        model: `keras.Model` in float32.
        pixels: `Pixels`, what to do to the images first.
        maps: bool, whether to return the weights of every attention layer.
            Defaults to `True`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Not used: a served model is not trained.

    Returns:
        A dictionary of float32 tensors, sorted by name.
    """

    def __init__(self, model, pixels, maps=True):
        # Of its own dtype: a global half-precision policy would cast images.
        super().__init__(name="served", dtype="float32")
        self.wrapped = model
        self.extractor = (
            AttentionExtractor(model, dtype="float32") if maps else None
        )
        self.pixels = pixels
        self.preprocessing = pixels.layer  # so that its weights are found

    def call(self, images, training=None):
        """The answers and the weights under their names; see the class."""
        outputs = {output.name: output for output in self.outputs_for(images)}
        # PyTorch's exporter keeps this order, and TensorFlow's sorts.
        return {
            name: ops.cast(outputs[name].tensor, "float32")
            for name in sorted(outputs)
        }

    def outputs_for(self, images):
        """The same as a list of `Output`, the model's own answers first."""
        images = self.pixels.prepare(images)
        if self.extractor is None:
            answers, weights = self.wrapped(images, training=False), {}
        else:
            answers, weights = self.extractor(images, training=False)
        found = [
            *((*pair, False) for pair in name_answers(self.wrapped, answers)),
            *((path, weights[path], True) for path in weights),
        ]
        names = legal_names([path for path, _, _ in found])
        return [
            Output(name, path, is_map, tensor)
            for name, (path, tensor, is_map) in zip(names, found, strict=True)
        ]
