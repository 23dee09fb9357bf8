"""What attention is for, beyond classes: each task with its models.

| task | in | out |
|---|---|---|
| `captioning` | image | a sentence, and where each word looked |
| `detection` | image | boxes and their classes |
| `generation` | noise | images |
| `glimpses` | large image | its class, from the few patches that matter |
| `segmentation` | image | a class for every pixel |
"""

from keras_attention.tasks import captioning
from keras_attention.tasks import detection
from keras_attention.tasks import generation
from keras_attention.tasks import glimpses
from keras_attention.tasks import segmentation

__all__ = [
    "captioning",
    "detection",
    "generation",
    "glimpses",
    "segmentation",
]
