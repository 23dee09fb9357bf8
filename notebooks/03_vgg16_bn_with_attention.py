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
# # VGG16_bn with attention: build, compile, fit, look
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/03_vgg16_bn_with_attention.ipynb)
#
# A digit lies somewhere on a canvas, among pieces of other digits. A network
# that averages its features over the whole canvas averages mostly clutter; one
# that can choose where to look does not have to. We build such a network from
# VGG16_bn, train it with `model.fit`, and look at where it looks.
#
# Every attention mechanism is the same walk, and so is this notebook:
#
#     image -> features -> scores -> weights -> context -> class

# %%
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
import matplotlib.pyplot as plt
import numpy as np

from keras_attention import AttentionExtractor
from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import compare
from keras_attention import datasets
from keras_attention import visualization

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS = (64, 1) if FAST else (7000, 7)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## Images
#
# `cluttered_digits` is made on the spot from scikit-learn's 1,797 handwritten
# digits. No digit is in two splits. Each example says where its digit is, which
# the networks never see: it is for judging the attention afterwards. Some
# training images, with their labels, and below them the same, with the digit
# outlined:


# %%
def load(**options):
    return datasets.load(
        "cluttered_digits",
        batch_size=64,
        canvas=56,
        fragments=10,
        train=IMAGES,
        validation=64 if FAST else 500,
        test=200 if FAST else 2000,
        **options,
    )


def first_batch(split):
    return {key: np.asarray(value) for key, value in next(iter(split)).items()}


examples = load(supervised=False)
shown = first_batch(examples.train)
figure, panels = plt.subplots(2, 8, figsize=(10, 3), layout="constrained")
for number, (above, below) in enumerate(panels.T):
    for axes in (above, below):
        axes.imshow(shown["image"][number, ..., 0], cmap="gray")
        axes.axis("off")
    above.set_title(f"label {shown['label'][number]}", fontsize=9)
    below.contour(shown["mask"][number, ..., 0], [0.5], colors="#35f0e6")
plt.show()

# %% [markdown]
# ## Build
#
# Two places are attended to: the second activations of block 3, a map of 14x14
# whose positions see 32 pixels of the image, and the first ones of block 4, a
# map of 7x7 whose positions see 60. `"attn_pool"` asks every position how well
# it answers a query, here the average of the last block: Bahdanau's additive
# *score* `v . tanh(W_q q + W_k f)`, *aligned* by a softmax and *aggregated* by
# a weighted sum. The two contexts join the global feature in front of the
# classifier. Beside it the same network without attention, which has the global
# feature alone.


# %%
def build(places, name):
    keras.utils.set_random_seed(0)
    return VGG16BNAttention(
        places,
        input_shape=examples.info.image_shape,
        classes=examples.info.classes,
        classifier_activation=None,
        width_multiplier=0.125,
        name=name,
    )


plain = build({}, "plain")
model = build(
    {"block3_relu2": "attn_pool", "block4_relu1": "attn_pool"}, "attention"
)
for name in ("block3_relu2_attn_pool", "block4_relu1_attn_pool", "context"):
    layer = model.get_layer(name)
    print(
        f"{name:<24} -> {layer.output.shape}, {layer.count_params():,} weights"
    )

# %% [markdown]
# ## Compile and fit
#
# Ordinary Keras models, so `compile` and `fit` are all there is to it. Both see
# the same images in the same order, under the same schedule.


# %%
def fit(network, verbose):
    splits = load()  # anew, and so in the same order
    steps = EPOCHS * len(splits.train)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 8, warmup_target=3e-3, warmup_steps=steps // 8
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    network.fit(
        splits.train,
        validation_data=splits.validation,
        epochs=EPOCHS,
        shuffle=False,
        verbose=verbose,
    )


fit(plain, verbose=0)
fit(model, verbose=2)

# %% [markdown]
# ## Look
#
# Blue frames are right answers, orange ones wrong. The colour is the weight of
# a position in units of the uniform weight: 1 means no preference. The outline
# is the truth, which the network was never told.

# %%
batch = first_batch(examples.test)
maps = visualization.collect_attention(model, batch["image"])
predictions = model.predict(batch["image"], verbose=0).argmax(-1)
right = np.flatnonzero(predictions == batch["label"])
wrong = np.flatnonzero(predictions != batch["label"])[:2]
shown = np.concatenate([right[: 8 - len(wrong)], wrong])
visualization.plot_attention(
    batch["image"][shown],
    {name: layer[shown] for name, layer in maps.items()},
    outlines=batch["mask"][shown],
    labels=batch["label"][shown],
    predictions=predictions[shown],
    class_names=examples.info.class_names,
)

# %% [markdown]
# ## Measure
#
# Both networks on 2,000 test images; and how much of the attention falls on the
# digit, against the share of the image that the digit covers:

# %%
compare({"plain": plain, "attention": model}, examples.test)

# %% [markdown]
# That is one training each: another seed may move the plain network by twenty
# points. And not all of the difference is attention; some comes from looking at
# earlier maps at all. `examples/train.py` separates the two, with two places in
# block 3 and three seeds: on average 70.3% without them, 85.2% with their plain
# averages, 92.0% with attention.
#
# Does the network *use* its attention? `AttentionExtractor` can replace the
# weights on their way: with uniform ones, the same network averages everything.


# %%
def uniform(name, weights):
    positions = weights.shape[-1] * weights.shape[-2]
    return keras.ops.ones_like(weights) / positions


images = np.concatenate([np.asarray(b["image"]) for b in examples.test])
labels = np.concatenate([np.asarray(b["label"]) for b in examples.test])
for name, replace in {"its own": None, "uniform": uniform}.items():
    extractor = AttentionExtractor(model, replace=replace)
    outputs, _ = extractor.predict(images, verbose=0)
    accuracy = np.mean(outputs.argmax(-1) == labels)
    print(f"{name:<8} weights: accuracy {accuracy:.1%}")

# %% [markdown]
# ## The network of the paper
#
# *Melanoma Recognition via Visual Attention* gates blocks 3 and 4 by block 5,
# position by position. It is the same call with other mechanisms, and comes
# ready-made:

# %%
melanoma = MelanomaAttentionVGG16BN((224, 224, 3), classes=2)
trainable = sum(int(np.prod(w.shape)) for w in melanoma.trainable_variables)
print(f"{melanoma.name}: {trainable:,} trainable parameters")
assert trainable == 15_184_964
