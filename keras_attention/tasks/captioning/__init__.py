"""Images put into words, and where each word looked.

| module | what |
|---|---|
| `vocabulary` | words as numbers, saved with their hash |
| `caption_files` | captions in COCO's and Karpathy's JSON files, and TFDS |
| `batches` | images and captions as batches |
| `attention_cell` | one word: look, read, remember |
| `caption_decoder` | what both decoders share |
| `recurrent_decoder` | the LSTM of Show, Attend and Tell |
| `transformer_decoder` | one without recurrence |
| `captioning_model` | an encoder and a decoder, trained by `fit` |
| `word_step` | a word of many captions, compiled |
| `decoding` | greedy and beam search |

    vocabulary = captioning.Vocabulary.from_captions(captions, min_count=5)
    model = captioning.CaptioningModel(EfficientNetLite0(...), vocabulary)
    model.compile("adam", losses.CaptionCrossentropy())
    model.fit(captioning.CaptionBatches(images, captions, model, seed=0))
    said = captioning.generate(model, images, beam_size=3)
"""

from keras_attention.tasks.captioning.batches import CaptionBatches
from keras_attention.tasks.captioning.caption_files import CaptionedImage
from keras_attention.tasks.captioning.caption_files import captions_of
from keras_attention.tasks.captioning.caption_files import read_captions
from keras_attention.tasks.captioning.captioning_model import CaptioningModel
from keras_attention.tasks.captioning.decoding import Captions
from keras_attention.tasks.captioning.decoding import generate
from keras_attention.tasks.captioning.recurrent_decoder import RecurrentDecoder
from keras_attention.tasks.captioning.transformer_decoder import (
    TransformerDecoder,
)
from keras_attention.tasks.captioning.vocabulary import Vocabulary

__all__ = [
    "CaptionBatches",
    "CaptionedImage",
    "CaptioningModel",
    "Captions",
    "RecurrentDecoder",
    "TransformerDecoder",
    "Vocabulary",
    "captions_of",
    "generate",
    "read_captions",
]
