# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Masks and pictures: attention where the answer is an image
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/09_masks_and_pictures.ipynb)
#
# A segmentation network says of every pixel what it belongs to, a generator
# makes all pixels from noise. In the first, attention is a gate between two
# halves of a network; in the second it lets every position of a map look at all
# others, so that an arm of a figure knows where the other one is. Both are
# trained below, measured, and asked whether their attention matters. About
# three minutes on two cores.

# %%
import io
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from PIL import Image

from keras_attention import AttentionExtractor
from keras_attention import datasets
from keras_attention import losses
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.callbacks.sample_grid import image_grid
from keras_attention.tasks import generation
from keras_attention.tasks import segmentation

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))


def smaller(figure):
    """A figure in fewer dots, for this page."""
    written = io.BytesIO()
    figure.savefig(written, dpi=80)
    return Image.open(written)


# %% [markdown]
# ## Masks: a class for every pixel
#
# One digit among pieces of others: which pixels are inside its box? The pieces
# are as bright as the digit, so that brightness alone does not tell.

# %%
scenes = datasets.DigitsSettings(
    canvas=64,
    fragments=13,
    train=32 if FAST else 1000,
    test=16 if FAST else 200,
)


def scenes_and_masks(split):
    """Images in [0, 1], and 1 where the digit's box is."""
    examples = list(datasets.generate(scenes, split))
    images, masks = (
        np.stack([example[key] for example in examples])
        for key in ("image", "mask")
    )
    return images.astype("float32") / 255, masks[..., 0]


train_scenes, train_labels = scenes_and_masks("train")
test_scenes, test_labels = scenes_and_masks("test")
train_scenes.shape, train_labels.shape, f"{train_labels.mean():.1%} is digit"

# %% [markdown]
# A *U-Net* halves the image step by step and doubles it again, and at every
# step the decoder is handed the encoder's map of that size. In *Attention
# U-Net* that map first passes a gate, one weight a position, which the coarser
# map of the decoder opens: it knows roughly where the digit is, and the finer
# one exactly where its edges are.
#
# The loss is the sum of two: the cross-entropy sees every pixel, Dice the
# object as a whole, however small it is.

# %%
keras.utils.set_random_seed(0)
unet = segmentation.AttentionUNet(
    (64, 64, 1),
    classes=2,
    classifier_activation=None,
    width_multiplier=1 / 16,
)
epochs = 1 if FAST else 6
steps = epochs * -(-len(train_scenes) // 16)
unet.compile(
    keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
    losses.CombinedLoss([losses.DiceLoss(), losses.FocalLoss(gamma=0)]),
    metrics=[metrics.MeanDice(2, class_ids=[1])],
)
history = unet.fit(
    train_scenes, train_labels, batch_size=16, epochs=epochs, verbose=0
).history
[round(dice, 3) for dice in history["mean_dice"]]

# %% [markdown]
# ### How good is that?
#
# *Dice* is the share of the pixels, true or predicted, that are both: $2\,|A
# \cap B| / (|A| + |B|)$, one number an image and class. Beside it the best
# level of grey, chosen on the training images.


# %%
def dice(predictions, labels):
    """Of the digit, in each image."""
    return metrics.dice_per_class(labels, predictions.astype(int), 2)[:, 1]


levels = np.linspace(0.05, 0.95, 19)
level = max(
    levels,
    key=lambda level: dice(train_scenes[..., 0] > level, train_labels).mean(),
)
outputs, gates = AttentionExtractor(unet).predict(test_scenes, verbose=0)
answers = outputs.argmax(-1)
by_level = dice(test_scenes[..., 0] > level, test_labels)
by_unet = dice(answers, test_labels)
low, high = metrics.bootstrap_interval(np.mean, by_unet)
print(f"brighter than {level:.2f}: Dice {by_level.mean():.3f}")
print(f"U-Net with gates: Dice {by_unet.mean():.3f} ({low:.3f} to {high:.3f})")

# %% [markdown]
# Where a class is neither there nor predicted, nothing could be better, and
# Dice is $0/0$: NaN, to be left out of a mean and counted. Predicted where
# nothing is, it is 0. Pixels that nobody knows get a number of their own,
# `ignore_class=255`, in metrics and losses alike.

# %%
nothing, something = np.zeros((1, 4, 4), int), np.eye(4, dtype=int)[None]
[
    metrics.dice_per_class(nothing, predicted, 2)[0, 1]
    for predicted in (nothing, something)
]

# %% [markdown]
# ### Do the gates look at the digit?
#
# *Energy* is the share of a gate's weights inside the box, *lift* how many
# times that is of a uniform map's: at 1 a gate does not care where the digit
# is.

# %%
objects = test_labels.astype("float64")
for name, weights in gates.items():
    energy = metrics.attention_energy(weights, objects).mean()
    lift = energy / metrics.area_share(objects).mean()
    print(f"{name}: {weights.shape[2:]}, energy {energy:.3f}, lift {lift:.2f}")

# %% [markdown]
# From the top: the images with the digit's box, which is the truth; the
# prediction; and what every gate lets through, from the finest map to the
# coarsest.

# %%
smaller(
    visualization.plot_attention(
        test_scenes[:6],
        {
            "truth": test_labels[:6, None].astype(float),
            "prediction": answers[:6, None].astype(float),
            **{name: weights[:6] for name, weights in reversed(gates.items())},
        },
        outlines=test_labels[:6],
        normalize="none",
    )
)

# %% [markdown]
# A map that is bright on the digit does not show that the network needs it. The
# control has the same gates with every weight 1, and it does as well: over
# three seeds on these digits, and over two on photographs of lesions
# ([evidence](../docs/evidence.md#a-class-for-every-pixel)).
#
# `encoder=` takes any network (`EfficientNetLite0(include_top=False,
# weights="imagenet", ...)`), `gates={"alignment": "softmax"}` another
# alignment, an `input_shape` of `(depth, height, width, channels)` volumes, and
# `AttentionFCN` has dual or criss-cross attention on one map of any network.
# `callbacks.PredictionMonitor` draws the answers while a network learns, and
# `python examples/segment.py --data FOLDER` does all of this for images and
# masks of yours.

# %% [markdown]
# ## Pictures: a network that draws digits
#
# A generator makes images of noise and a class; a discriminator tells them from
# real ones. Each learns from the other's mistakes, by the hinge loss, with a
# learning rate of its own. In both of SAGAN's networks a block of attention
# stands behind one map: every position sums up all others,
# $x_i + \gamma \sum_j a_{ij} W x_j$, and $\gamma$ begins at 0.

# %%
pictures = datasets.DigitsSettings(
    canvas=24,
    fragments=0,
    scale=(2.25, 2.75),
    train=64 if FAST else 4000,
    test=32 if FAST else 1000,
)


def digits(split):
    """Images in [-1, 1], and their classes."""
    examples = list(datasets.generate(pictures, split))
    images, labels = (
        np.stack([example[key] for example in examples])
        for key in ("image", "label")
    )
    return images.astype("float32") / 127.5 - 1, labels.astype("int32")


train_pictures, train_classes = digits("train")
test_pictures, test_classes = digits("test")

keras.utils.set_random_seed(0)
options = {
    "width": 4 if FAST else 16,
    "classes": 10,
    "attention": {12: "sagan"},
}
gan = generation.AdversarialModel(
    generation.generator((24, 24, 1), **options),
    generation.discriminator((24, 24, 1), **options),
    classes=10,
    seed=0,
)
gan.compile(generation.two_rates(gan, 1e-3, 2e-3))
gan.fit(
    train_pictures,
    train_classes,
    batch_size=64,
    epochs=1 if FAST else 10,
    verbose=0,
)
asked = np.arange(20, dtype="int32") % 10
drawn = gan.generate(len(asked), asked, seed=0)
image_grid((drawn + 1) / 2, columns=10).resize((1004, 204))

# %% [markdown]
# ### How good are they?
#
# There is no right answer to compare with. So a classifier of real digits looks
# at them: does it find the class that was asked for? The *inception score* is
# high if its answers are sure for every image and differ between images, at
# most the number of classes. The *Frechet distance* compares its features of
# real and drawn images as two Gaussians; the *kernel distance* makes no such
# assumption.
# With the Inception network they are called IS, FID and KID; with another
# classifier, as here, they are other numbers, and are told with its name. Two
# halves of the real images say what is small.

# %%
keras.utils.set_random_seed(0)
inputs = keras.Input((24, 24, 1))
x = inputs
for channels in (16, 32, 64):
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.MaxPooling2D()(x)
features = keras.layers.GlobalAveragePooling2D()(x)
outputs = keras.layers.Dense(10, activation="softmax")(features)
judge = keras.Model(inputs, outputs)
judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
judge.fit(
    train_pictures,
    train_classes,
    epochs=1 if FAST else 8,
    batch_size=64,
    verbose=0,
)
_, accuracy = judge.evaluate(test_pictures, test_classes, verbose=0)
both = keras.Model(inputs, [features, outputs])
half = len(test_pictures) // 2
real, _ = both.predict(test_pictures[:half], verbose=0)


def judged(name, images, classes):
    """The numbers of images, beside the first half of the test images."""
    seen, answers = both.predict(images, verbose=0)
    right = (answers.argmax(-1) == classes).mean()
    score, _ = metrics.inception_score(answers, splits=1)
    distance = metrics.frechet_distance(real, seen)
    kernel, _ = metrics.kernel_distance(real, seen, subsets=20)
    print(
        f"{name:<20} right {right:6.1%}  score {score:5.2f}  "
        f"distance {distance:7.2f}  kernel {kernel:7.3f}"
    )


print(f"The classifier finds {accuracy:.1%} of the real test digits.")
judged("real, second half", test_pictures[half:], test_classes[half:])
wanted = test_classes[half:]
judged("drawn", gan.generate(len(wanted), wanted, seed=1), wanted)
noise = np.random.default_rng(0).uniform(-1, 1, test_pictures[half:].shape)
judged("noise", noise.astype("float32"), wanted)

# %% [markdown]
# ### What does a position look at?
#
# Each panel has the weights of one position, which is marked. The gain
# $\gamma$ stands in the title: near 0 whatever the weights are changes nothing,
# and the figure refuses to draw them.

# %%
noise = np.random.default_rng(0).standard_normal(
    (10, gan.generator.inputs[0].shape[1]), "float32"
)
one_of_each = np.arange(10, dtype="int32")
(seen,) = visualization.collect_attention(
    gan.generator, [noise, one_of_each]
).values()
picture = gan.generator.predict_on_batch([noise, one_of_each])[0]
smaller(
    visualization.plot_seen_from(
        np.clip((picture + 1) / 2, 0, 1), seen, [(2, 6), (6, 3), (6, 9), (0, 0)]
    )
)

# %% [markdown]
# A vivid map is no proof here either. Over three seeds of a longer training the
# networks with the block drew no better digits than those with two controls in
# its place, which have its layers and no attention; and with even weights in
# place of the learned ones their digits are found as well
# ([evidence](../docs/evidence.md#images-from-noise)).
#
# `python examples/generate.py` trains all four, with averaged weights, a grid
# of samples an epoch (`callbacks.SampleGrid`), and goes on where it was
# stopped.
