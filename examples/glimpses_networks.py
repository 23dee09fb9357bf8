"""The networks of glimpses.py: all pixels, a few patches, and controls.

All have 1/8 of the channels of VGG16_bn, take canvases of bytes and return
logits. Their layers have names by which weights go from one to the next.
"""

import functools

import keras

from keras_attention import count_costs
from keras_attention.features import VGG16BN
from keras_attention.layers import AttentionPooling2D
from keras_attention.models import ReinforceModel
from keras_attention.tasks import glimpses

PATCH, GLIMPSE = 64, 40
WIDTH = 0.125
CLASSES = 10
# What sees a patch of *sampling*: the dense network of canvases as large.
SEES = ("patch_features", "predictions")


def from_bytes(x):
    """0 to 255 as 0 to 1; on the network's side a batch is bytes."""
    return keras.layers.Rescaling(1 / 255)(x)


def dense(canvas, width=WIDTH, attention=False, shrink=1):
    """VGG16_bn on all pixels, or on means of `shrink` x `shrink` of them."""
    image = keras.Input((canvas, canvas, 1), dtype="uint8")
    x = from_bytes(image)
    if shrink > 1:
        x = keras.layers.AveragePooling2D(shrink)(x)
    features = VGG16BN(
        include_top=False, input_tensor=x, width_multiplier=width
    ).output
    pool = (
        AttentionPooling2D(key_dim=32, name="pool")
        if attention
        else keras.layers.GlobalAveragePooling2D()
    )
    outputs = keras.layers.Dense(CLASSES, name="predictions")(pool(features))
    return keras.Model(image, outputs)


def places(view, finer=False):
    """Scores of places 32 pixels apart, from 1/8 of the pixels a side.

    A digit is whole in the patch around one of them, wherever it lies, and no
    two of the likeliest need be of the same digit. What is `finer` sees 1/4,
    in steps of 2 at first, so that as little is kept for the gradient.
    """
    x = from_bytes(view)
    first = (16, 5, 2) if finer else (16, 3, 1)
    pooled = 3 if finer else 2  # early, since what is kept is less there
    for number, (filters, size, stride) in enumerate(
        (first, (32, 3, 1), (64, 3, 1)), start=1
    ):
        if number == pooled:
            x = keras.layers.MaxPooling2D(2, name="places_pool")(x)
        x = keras.layers.Conv2D(
            filters,
            size,
            stride,
            padding="same",
            use_bias=False,
            name=f"places_conv{number}",
        )(x)
        x = keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, name=f"places_bn{number}"
        )(x)
        x = keras.layers.ReLU(name=f"places_relu{number}")(x)
    x = keras.layers.MaxPooling2D(2, name="places_last_pool")(x)
    return keras.layers.Conv2D(1, 1, use_bias=False, name="places_scores")(x)


def sampling(
    canvas,
    width=WIDTH,
    num_patches=None,
    attention_network=places,
    finer=False,
    weigh_again=False,
):
    """A few patches, and where they are: 1/4 of the pixels of 256, then less.

    The clutter grows with the area, and the patches with the side. With
    `finer` the places are found at 1/4 of the pixels a side, not at 1/8; to
    `weigh_again` is `AttentionSampling`'s.
    """
    if finer:
        attention_network = functools.partial(attention_network, finer=True)
    patch = keras.Input((PATCH, PATCH, 1))
    return glimpses.AttentionSampling(
        (canvas, canvas, 1),
        classes=CLASSES,
        attention_network=attention_network,
        feature_network=VGG16BN(
            include_top=False,
            pooling="avg",
            input_tensor=from_bytes(patch),
            width_multiplier=width,
        ),
        num_patches=num_patches or max(4, canvas // 64),
        patch_size=PATCH,
        scale=4 if finer else 8,
        entropy_weight=0.0,
        unit_features=False,
        weigh_again=weigh_again,
        classifier_activation=None,
        seed=0,
    )


def looking(canvas, width=WIDTH, learn_by="reinforce"):
    """One patch after the other."""
    image = keras.Input((canvas, canvas, 1), dtype="uint8")
    scales = (1, 4, 16)
    network = VGG16BN(
        include_top=False,
        pooling="avg",
        input_shape=(GLIMPSE, GLIMPSE, len(scales)),
        width_multiplier=width,
    )
    state = glimpses.RecurrentGlimpses(
        num_glimpses=4,
        patch_size=GLIMPSE,
        scales=scales,
        glimpse_network=network,
        learn_by=learn_by,
        std=0.3,
        seed=0,
        name="glimpses",
    )(from_bytes(image))
    outputs = keras.layers.Dense(CLASSES, name="predictions")(state)
    kind = ReinforceModel if learn_by == "reinforce" else keras.Model
    return kind(image, outputs)


NETWORKS = {
    "dense": dense,
    "dense, more images": dense,
    "dense, quarter size": functools.partial(dense, shrink=4),
    "dense attention": functools.partial(dense, attention=True),
    "sampling": sampling,
    "sampling, finer": functools.partial(sampling, finer=True),
    "sampling, weighed again": functools.partial(
        sampling, finer=True, weigh_again=True
    ),
    "glimpses": looking,
    "glimpses, by gradient": functools.partial(looking, learn_by="gradient"),
}
# With the weights of *sampling*.
CONTROLS = {
    "sampling, 1 patch": functools.partial(sampling, num_patches=1),
    "random": functools.partial(sampling, attention_network="uniform"),
    "centre": functools.partial(
        sampling, num_patches=1, attention_network="centre"
    ),
}


def hand_on(source, target, spared=None):
    """Weights by the names of layers; a dense network's to the patches'.

    Layers whose names begin as `spared` says keep theirs.
    """
    known = {layer.name: layer.get_weights() for layer in source.layers}
    if "patch_features" in {x.name for x in target.layers} - known.keys():
        known["patch_features"] = source.get_weights()[:-2]
    for layer in target.layers:
        if spared and layer.name.startswith(spared):
            continue
        if layer.weights and layer.name in known:
            layer.set_weights(known[layer.name])
    return target


def let_learn(model, part):
    """`"all"` of a network, or a part; the rest stays as it is.

    `"search"` is how *sampling* looks, `"sight"` how the glimpses see.
    """
    for layer in model.layers:
        if layer.name in SEES:
            layer.trainable = part != "search"
        if layer.name == "glimpses":
            layer.locator_hidden.trainable = part != "sight"
            layer.locator.trainable = part != "sight"
    return model


def compiled(model, rate=1e-3, steps=100, metrics=("accuracy",)):
    """Ready to train for so many steps."""
    warm_up = steps // 8
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=rate, warmup_steps=warm_up
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[*metrics],
    )
    return model


def gflops(model):
    """Of a forward pass, an image."""
    return count_costs(model).total.flops / 1e9
