"""What the captions of digits learn from: data, network, decoder, training."""

import re

import keras
import numpy as np

from keras_attention import VGG16BN
from keras_attention import alignments
from keras_attention import datasets
from keras_attention import losses
from keras_attention.features import PositionEmbedding2D
from keras_attention.models import ReinforceModel
from keras_attention.tasks import captioning

SETTINGS = {
    "canvas": 48,
    "layer": "block3_relu3",
    "width_multiplier": 0.125,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "weight_decay": 0.02,
    "beam_size": 3,
    "decoder": {
        "embedding_dim": 32,
        "units": 128,
        "key_dim": 64,
        "dropout": 0.2,
        "attention_weight": 0.0,
    },
    # As in the paper and its code.
    "sampled": {"sampling_probability": 0.5},
    "reinforce": {"reinforce_weight": 0.1, "entropy_weight": 0.002},
}
ALIGNMENTS = {
    "soft": lambda seed: "softmax",
    "hard": lambda seed: alignments.get(
        "sampled", seed=seed, **SETTINGS["sampled"]
    ),
    # Scores divided by this are all the same.
    "uniform": lambda seed: alignments.get("softmax", temperature=1e12),
}


def digits(arguments, split, count):
    """Images, captions and what is where, as arrays."""
    settings = datasets.DigitsSettings(
        canvas=SETTINGS["canvas"],
        digits=arguments["digits"],
        **{split: count},
    )
    examples = list(datasets.generate(settings, split))
    found = {
        name: np.stack([example[name] for example in examples])
        for name in ("image", "labels", "boxes")
    }
    found["image"] = found["image"].astype("float32") / 255
    found["captions"] = [example["caption"] for example in examples]
    if not arguments["articles"]:
        found["captions"] = [
            re.sub(r"\ban? ", "", caption) for caption in found["captions"]
        ]
    return found


def generated(arguments):
    """`{split: data}`: a seventh as many to test, half of them to choose by."""
    few = max(arguments["images"] // 7, 8)
    counts = {
        "train": arguments["images"],
        "validation": few // 2,
        "test": few,
    }
    return {
        split: digits(arguments, split, count)
        for split, count in counts.items()
    }


def encoder():
    """A small VGG16_bn, up to the map whose positions a word may look at."""
    size = SETTINGS["canvas"]
    network = VGG16BN(
        include_top=False,
        input_shape=(size, size, 1),
        width_multiplier=SETTINGS["width_multiplier"],
    )
    features = network.get_layer(SETTINGS["layer"]).output
    return keras.Model(network.input, features, name="encoder")


def build(vocabulary, length, alignment="softmax", normalized=True):
    """A captioning model on a network that knows where a position is."""
    network = encoder()
    features = network.output
    if normalized:  # What images share would drown what differs between them.
        features = keras.layers.BatchNormalization(name="features")(features)
    features = PositionEmbedding2D()(features)
    return captioning.CaptioningModel(
        keras.Model(network.input, features, name="encoder"),
        vocabulary,
        length,
        alignment=alignment,
        **SETTINGS["decoder"],
    )


def optimizer(steps, settings):
    """AdamW, whose rate falls along a cosine for so many steps."""
    rate = keras.optimizers.schedules.CosineDecay(
        settings["learning_rate"], steps
    )
    return keras.optimizers.AdamW(
        rate, weight_decay=settings["weight_decay"], global_clipnorm=5.0
    )


def train(model, parts, arguments, settings=SETTINGS):
    """By plain `fit`, or by REINFORCE where attention is hard.

    Args:
        model: `CaptioningModel`.
        parts: dict of split to data, as `digits` makes them.
        arguments: dict with `attention`, `seed` and `epochs`.
        settings: dict as `SETTINGS`, the default.
    """
    data, validation = parts["train"], parts["validation"]
    batches = captioning.CaptionBatches(
        data["image"],
        data["captions"],
        model,
        settings["batch_size"],
        seed=arguments["seed"],
    )
    learner = model
    if arguments["attention"] == "hard":
        learner = ReinforceModel(
            model.input, model.output, **settings["reinforce"]
        )
    learner.compile(
        optimizer(arguments["epochs"] * len(batches), settings),
        losses.CaptionCrossentropy(),
    )
    held_out = captioning.CaptionBatches(
        validation["image"], validation["captions"], model, 100
    )
    learner.fit(
        batches, validation_data=held_out, epochs=arguments["epochs"], verbose=2
    )


def device():
    """What it runs on: a card's name, or `"cpu:0"`."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    return keras.distribution.list_devices()[0]
