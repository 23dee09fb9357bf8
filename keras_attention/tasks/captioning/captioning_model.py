"""A network that says what an image shows."""

import keras
import numpy as np

from keras_attention.internals import arguments
from keras_attention.tasks.captioning.recurrent_decoder import RecurrentDecoder
from keras_attention.tasks.captioning.vocabulary import Vocabulary


@keras.saving.register_keras_serializable(package="keras_attention")
class CaptioningModel(keras.Model):
    """An encoder, whose map a decoder puts into words.

    A functional model: `compile` takes a loss of words and `fit` the batches of
    `CaptionBatches`; `generate` says captions of new images. It is saved with
    its vocabulary, and its weights refuse a model with another one.

    Args:
        encoder: `keras.Model` or tuple: any functional network, used as it is,
            and frozen by `model.encoder.trainable = False`; or the shape
            `(height, width, channels)` of features that are computed already,
            channels last.
        vocabulary: `Vocabulary`, the words it may say.
        length: int, words of the longest caption, its end included. Defaults to
            `20`.
        decoder: `keras.layers.Layer` or `None`, called `decoder(features,
            tokens)`; `None` makes a `RecurrentDecoder` of `options`. Defaults
            to `None`.
        encoder_layer: str or `None`, the layer of the encoder whose map is
            read; `None` is its output. Defaults to `None`.
        name: str, of the model. Defaults to `"captioning"`.
        **options: Arguments of `RecurrentDecoder` but for the number of words.

    Call arguments:
        inputs: dict: `"images"`, what the encoder takes, and `"tokens"`, int
            `(batch, length)`, the words so far, the start first.
        training: As in every model.

    Returns:
        Logits `(batch, length, vocabulary)`, float32, of the next words.

    Raises:
        ValueError: For an encoder that gives no map of known size, for an
            unknown layer, for a decoder beside options, and for weights that
            were trained with another vocabulary.

    Example:

    >>> from keras_attention import VGG16BN
    >>> from keras_attention.tasks import captioning
    >>> network = VGG16BN(
    ...     include_top=False, input_shape=(32, 32, 3), width_multiplier=1 / 64
    ... )
    >>> vocabulary = captioning.Vocabulary.from_captions(["a cat", "a dog"])
    >>> model = captioning.CaptioningModel(
    ...     network, vocabulary, length=4, encoder_layer="block4_conv3", units=8
    ... )
    >>> model.output_shape
    (None, 4, 7)

    ```python
    model.compile("adam", losses.CaptionCrossentropy())
    model.fit(captioning.CaptionBatches(images, captions, model, seed=0))
    said = captioning.generate(model, images, beam_size=3)
    ```

    Reference:
        Xu et al.: Show, Attend and Tell: Neural Image Caption Generation with
        Visual Attention. ICML 2015.

    See also:
        `RecurrentDecoder`, `CaptionBatches`, `generate`.
    """

    def __init__(
        self,
        encoder,
        vocabulary,
        length=20,
        decoder=None,
        encoder_layer=None,
        name="captioning",
        **options,
    ):
        if not isinstance(vocabulary, Vocabulary):
            expected = "a keras_attention.tasks.captioning.Vocabulary"
            raise ValueError(
                arguments.invalid("vocabulary", vocabulary, expected)
            )
        arguments.size("length", length)
        if decoder is not None and options:
            raise ValueError(
                "CaptioningModel takes a decoder or the arguments of one. "
                f"Received: decoder={decoder!r} and {', '.join(options)}"
            )
        encoder = _encoder(encoder, encoder_layer)
        size = len(vocabulary)
        if decoder is None:
            decoder = RecurrentDecoder(size, name="decoder", **options)
        if decoder.vocabulary_size != size:
            expected = f"one of {size} tokens, as the vocabulary has"
            raise ValueError(
                arguments.invalid("decoder", decoder.vocabulary_size, expected)
            )
        images = keras.Input(
            encoder.input.shape[1:], name="images", dtype=encoder.input.dtype
        )
        tokens = keras.Input((length,), name="tokens", dtype="int32")
        logits = decoder(encoder(images), tokens)
        super().__init__(
            {"images": images, "tokens": tokens}, logits, name=name
        )
        self.encoder, self.decoder = encoder, decoder
        self.vocabulary, self.length = vocabulary, length

    def expect_vocabulary(self, vocabulary):
        """Raises `ValueError` unless a vocabulary is the model's own.

        Args:
            vocabulary: `Vocabulary`, such as that of a prepared data set.
        """
        vocabulary.expect_hash(self.vocabulary.hash, f"model {self.name!r}")

    def save_own_variables(self, store):
        """Beside the model's, the hash of its vocabulary."""
        super().save_own_variables(store)
        digest = bytes.fromhex(self.vocabulary.hash)
        store["vocabulary"] = np.frombuffer(digest, "uint8")

    def load_own_variables(self, store):
        """Refuses the weights of a model with another vocabulary."""
        names = list(store.keys())
        if "vocabulary" in names:
            saved = bytes(np.asarray(store["vocabulary"], "uint8")).hex()
            self.vocabulary.expect_hash(saved, "the saved weights")
        super().load_own_variables(
            {name: store[name] for name in names if name != "vocabulary"}
        )

    def get_config(self):
        """The constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            "encoder": serialize(self.encoder),
            "vocabulary": serialize(self.vocabulary),
            "length": self.length,
            "decoder": serialize(self.decoder),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """From the constructor's arguments."""
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("encoder", "vocabulary", "decoder")
        }
        return cls(**{**config, **parts})


def _encoder(encoder, layer):
    """A model from images to the map that is read, channels last."""
    if isinstance(encoder, list | tuple):
        features = keras.Input(tuple(encoder), name="features")
        # A model with nothing in it, so that both kinds have an encoder.
        encoder = keras.Model(features, features, name="encoder")
    elif not isinstance(encoder, keras.Model) or not encoder.inputs:
        expected = "a functional keras.Model or the shape of features"
        raise ValueError(arguments.invalid("encoder", encoder, expected))
    output = encoder.output
    if layer is not None:
        output = encoder.get_layer(layer).output
    if isinstance(output, list | dict) or len(output.shape) != 4:
        shapes = keras.tree.map_structure(lambda x: x.shape, output)
        raise ValueError(
            "Invalid value for argument encoder: expected a network whose "
            "output is one map (batch, height, width, channels); name another "
            f"layer by encoder_layer. Received: an output of {shapes}"
        )
    is_cached = output is encoder.input
    if keras.config.image_data_format() == "channels_first" and not is_cached:
        output = keras.layers.Permute((2, 3, 1), name="channels_last")(output)
    if output is encoder.output:
        return encoder
    return keras.Model(encoder.input, output, name="encoder")
