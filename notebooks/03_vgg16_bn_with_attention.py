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
IMAGES, EPOCHS = (256, 1) if FAST else (7000, 7)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## Images
#
# `cluttered_digits` is made on the spot from scikit-learn's 1,797 handwritten
# digits. No digit is in two splits. Each example says where its digit is, which
# the network never sees: it is for judging the attention afterwards.

# %%
settings = {
    "canvas": 56,
    "fragments": 10,
    "train": IMAGES,
    "test": 200 if FAST else 2000,
}
train, validation, test = splits = datasets.load(
    "cluttered_digits", batch_size=64, **settings
)
examples = datasets.load(
    "cluttered_digits", batch_size=64, supervised=False, **settings
).test
batch = {key: np.asarray(value) for key, value in next(iter(examples)).items()}

_, panels = plt.subplots(1, 8, figsize=(10, 1.8))
for axes, image, label in zip(
    panels, batch["image"], batch["label"], strict=False
):
    axes.imshow(image[..., 0], cmap="gray")
    axes.set_title(f"label {label}", fontsize=9)
    axes.axis("off")

# %% [markdown]
# ## Build
#
# Two places are attended to: the second activations of block 3, a map of 14x14
# whose positions see 32 pixels of the image, and the first ones of block 4, a
# map of 7x7 whose positions see 60. `"attn_pool"` asks every position how well
# it answers a query, here the average of the last block: Bahdanau's additive
# *score* `v . tanh(W_q q + W_k f)`, *aligned* by a softmax and *aggregated* by
# a weighted sum. The two contexts join the global feature in front of the
# classifier.

# %%
model = VGG16BNAttention(
    {"block3_relu2": "attn_pool", "block4_relu1": "attn_pool"},
    input_shape=splits.info.image_shape,
    classes=splits.info.classes,
    classifier_activation=None,
    width_multiplier=0.125,
    name="attention",
)
for name in ("block3_relu2_attn_pool", "block4_relu1_attn_pool", "context"):
    layer = model.get_layer(name)
    print(
        f"{name:<24} -> {layer.output.shape}, {layer.count_params():,} weights"
    )

# %% [markdown]
# ## Compile and fit
#
# An ordinary Keras model, so `compile` and `fit` are all there is to it.

# %%
steps = EPOCHS * len(train)
schedule = keras.optimizers.schedules.CosineDecay(
    0.0, steps - steps // 8, warmup_target=3e-3, warmup_steps=steps // 8
)
model.compile(
    keras.optimizers.AdamW(schedule, weight_decay=1e-4),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(
    train, validation_data=validation, epochs=EPOCHS, shuffle=False, verbose=2
)

# %% [markdown]
# ## Look
#
# Blue frames are right answers, orange ones wrong. The colour is the weight of
# a position in units of the uniform weight: 1 means no preference. The outline
# is the truth, which the network was never told.

# %%
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
    class_names=splits.info.class_names,
)

# %% [markdown]
# ## Measure
#
# How much of the attention falls on the digit, against the share of the image
# that the digit covers, on 2,000 test images:

# %%
compare({"attention": model}, examples)

# %% [markdown]
# Does the network *use* its attention? `AttentionExtractor` can replace the
# weights on their way: with uniform ones, the same network averages everything.


# %%
def uniform(name, weights):
    positions = weights.shape[-1] * weights.shape[-2]
    return keras.ops.ones_like(weights) / positions


images = np.concatenate([np.asarray(b["image"]) for b in examples])
labels = np.concatenate([np.asarray(b["label"]) for b in examples])
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
