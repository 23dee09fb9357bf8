"""A small network, images that it could learn, and one trial of it."""

import keras
import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.tuning import AttentionHyperModel

TRAINING = {
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "warm_up": 0.0,
}
SE = {"pool_attention": "se", "pool_se_identity_init": True}


def make_base(activation="softmax", classes=2):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.MaxPooling2D(name="pool")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(classes, activation=activation)(x)
    return keras.Model(inputs, x)


def make_hypermodel(base=None, **kwargs):
    choices = {
        **TRAINING,
        "reduction_ratio": [2],
        "kernel_size": [3],
        "identity_init": [False, True],
        **kwargs.pop("choices", {}),
    }
    settings = {
        "mechanisms": ["se", "cbam_spatial"],
        "places": ["pool"],
        "epochs": 2,
        "batch_size": 4,
        **kwargs,
    }
    return AttentionHyperModel(
        base=base or make_base(), choices=choices, **settings
    )


def make_arrays(count=12):
    """Light above or below the middle."""
    x = np.random.default_rng(0).uniform(size=(count, 8, 8, 1)) / 4
    y = np.arange(count) % 2
    x[y == 0, :4] += 0.7
    x[y == 1, 4:] += 0.7
    return x.astype("float32"), y


def make_examples(**kwargs):
    x, y = make_arrays()
    masks = np.zeros((12, 8, 8, 1), "uint8")
    masks[y == 0, :4] = 1
    masks[y == 1, 4:] = 1
    return Examples(
        (255 * np.clip(x, 0, 1)).astype("uint8"),
        y,
        ("above", "below"),
        tuple(map(str, range(12))),
        masks=masks,
        **kwargs,
    )


def fit(hypermodel, values, *args, **kwargs):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    model = hypermodel.build(hp)
    return model, hypermodel.fit(hp, model, *args, verbose=0, **kwargs)
