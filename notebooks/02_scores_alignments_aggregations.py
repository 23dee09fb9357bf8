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
# # Scores, alignments, aggregations
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/02_scores_alignments_aggregations.ipynb)
#
# Attention answers three questions, one after the other, and each has many
# published answers. *How well does a position fit the query?* A **score**.
# *How much of a share does it get?* An **alignment**. *What comes out?* An
# **aggregation**. (Some surveys say "alignment function" for the score; here
# the word means what turns scores into weights.) Any of each goes with any of
# the others, unless there is a reason against it, which the error then says.

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
import numpy as np

from keras_attention import VGG16BNAttention
from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import datasets
from keras_attention import layers
from keras_attention import scores
from keras_attention import visualization

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS = (256, 1) if FAST else (7000, 8)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## By hand
#
# A query and four positions with two channels each. Every number on the way:

# %%
query = [1.0, 0.5]
keys = [[2.0, 0.0], [0.0, 2.0], [1.0, 1.0], [-1.0, 0.0]]
visualization.worked_example(query, keys, score="dot")

# %% [markdown]
# Another alignment gives the worst positions exactly nothing:

# %%
visualization.worked_example(query, keys, score="dot", alignment="sparsemax")

# %% [markdown]
# ## Fifteen scores
#
# What each of them gives the four positions. Those with weights of their own
# have random ones here. `positive` marks the scores that are never negative,
# which some alignments ask for.

# %%
q, k = np.array([[query]], "float32"), np.array([keys], "float32")
for key in scores.available():
    score = scores.get(key)
    e = keras.ops.convert_to_numpy(score(q, k))[0, 0, 0]
    numbers = " ".join(f"{x:7.2f}" for x in e)
    print(f"{key:<18}{numbers}  {'positive' if score.positive_scores else ''}")

# %% [markdown]
# ## Seventeen alignments
#
# Five scores in a row, and what the alignments make of them. Two more need to
# know the query or the channels, and `l1` takes no negative scores.

# %%
visualization.compare_alignments([0.2, 1.5, 0.9, -1.0, 1.3, -0.3])

# %% [markdown]
# Some keep weights apart from each other (`sigmoid`, `min_max`), most let them
# compete for a total of 1. Softmax never gives exactly nothing; `sparsemax`,
# `entmax15` and `top_k` do. The two random fields see neighbours: with tables
# of zeros, as new, they are a sigmoid, and they learn from there.
#
# A temperature leads from everywhere alike to one position alone:

# %%
visualization.temperature_animation([0.2, 1.5, 0.9, -1.0, 1.3, -0.3])

# %% [markdown]
# On a map, with a table that rewards neighbours in the same state, a chain of
# positions fills the gap in an object:

# %%
bar = np.full((7, 9), -2.0)
bar[3, 1:8] = 2.0
bar[3, 4] = -0.5
together = keras.initializers.Constant(np.array([[1.0, -1.0], [-1.0, 1.0]]))
chain = alignments.get("chain_crf", pairwise_initializer=together)
visualization.compare_alignments(
    bar, {"sigmoid": "sigmoid", "chain_crf": chain, "softmax": "softmax"}
)

# %% [markdown]
# Such weights are marginals of a distribution over whole maps, which can be
# asked for more: its most likely map, its entropy, and samples.

# %%
view = chain.distribution(bar.reshape(1, 1, 1, -1).astype("float32"))
print("entropy, nats:", keras.ops.convert_to_numpy(view.entropy).item())
for name, found in [
    ("most likely", view.argmax),
    ("a sample", view.sample(seed=1)),
]:
    row = keras.ops.convert_to_numpy(found).reshape(bar.shape)[3]
    print(f"{name:<12} middle row:", *row.astype(int))

# %% [markdown]
# ## Six aggregations
#
# Features of 7 x 7 positions with 16 channels, weights of two heads: what
# comes out. A gate takes the weights of one query and keeps the map.

# %%
features = np.random.default_rng(0).normal(size=(1, 49, 16)).astype("float32")
weights = np.full((1, 2, 1, 49), 1 / 49, "float32")
asked = features[:, :1]
for key in aggregations.available():
    aggregation = aggregations.get(key)
    extra = {"query": asked} if aggregation.needs_query else {}
    context = aggregation(weights, features, **extra)
    print(f"{key:<14}{tuple(context.shape)}")

# %% [markdown]
# ## What goes together
#
# Any score and any alignment are two words, in attention pooling, in
# self-attention and in cross-attention. What cannot work is refused when the
# layer is made:

# %%
pooling = layers.AttentionPooling2D(score="kernel", alignment="entmax15")
selfish = layers.MultiHeadSelfAttention2D(score="cosine", alignment="top_k")
try:
    layers.AttentionPooling2D(score="cosine", alignment="l1")
except ValueError as error:
    print(error)

# %% [markdown]
# ## In a network
#
# A digit among clutter: a small VGG with attention pooling, trained, and one
# test image on its way through it.

# %%
splits = datasets.load("cluttered_digits", train=IMAGES, batch_size=32, seed=0)
model = VGG16BNAttention(
    {"block3_relu3": "attn_pool"},
    input_shape=splits.info.image_shape,
    classes=splits.info.classes,
    width_multiplier=0.125,
)
steps = EPOCHS * len(splits.train)
rate = keras.optimizers.schedules.CosineDecay(
    0.0, steps, warmup_target=3e-3, warmup_steps=steps // 8
)
model.compile(
    keras.optimizers.AdamW(rate, weight_decay=1e-4),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(splits.train, epochs=EPOCHS, shuffle=False, verbose=0)
loss, accuracy = model.evaluate(splits.test, verbose=0)
print(f"test accuracy {accuracy:.1%}")

# %%
images, labels = next(iter(splits.test))
image = np.asarray(images)[0]
visualization.plot_walk(model, image)

# %% [markdown]
# The scores of the trained network under every alignment. It was trained with
# softmax; the others show what they would make of the same scores.

# %%
walk = visualization.follow(model, image)
map_of_scores = walk.scores[0, 0].reshape(walk.features.shape[:2])
visualization.compare_alignments(map_of_scores)

# %% [markdown]
# For a slide: the same figure, large, as an SVG file.
#
# ```python
# figure = visualization.plot_walk(model, image, style="lecture")
# figure.savefig("walk.svg")
# ```
#
# `python examples/axes.py` trains a head for every score and every alignment
# and draws all of them with all of them.
