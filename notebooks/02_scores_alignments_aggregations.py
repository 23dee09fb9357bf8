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
IMAGES, EPOCHS = (64, 1) if FAST else (7000, 8)
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
# A score compares a query $q$ with the key $k$ of a position, $e = a(q, k)$.
# Matrices $W$, vectors $v$, $u$ and $\psi$, and biases $b$ and $c$ are learned,
# for each head its own. Here $q$ and $k$ are the query and the features
# themselves; with `key_dim` most scores project both first.
#
# Products:
#
# - `dot`, dot product (Luong): $q^\top k$
# - `scaled_dot`, scaled dot product (Vaswani), $d$ the size of the key:
#   $q^\top k / \sqrt{d}$
# - `general`, general or bilinear (Luong): $q^\top W k$
# - `biased_general`, biased general (Sordoni): $k^\top (W q + b)$
# - `activated_general`, activated general (Ma): $\tanh(k^\top W q + b)$
# - `kernel`, of linear attention (Katharopoulos), with
#   $\varphi(x) = \mathrm{elu}(x) + 1$: $\varphi(q)^\top \varphi(k)$
#
# Similarities:
#
# - `cosine`, content-based addressing (Graves), with the factor `scale`
#   $\beta$: $\beta q^\top k / (\lVert q \rVert \lVert k \rVert)$
# - `euclidean`, negative distance: $-\lVert q - k \rVert$
# - `gaussian`, Gaussian kernel of bandwidth $\sigma$:
#   $\exp(-\lVert q - k \rVert^2 / (2 \sigma^2))$
#
# Small networks:
#
# - `additive` (Bahdanau): $v^\top \tanh(W_q q + W_k k + b)$
# - `gated_additive`, of Attention U-Net (Oktay):
#   $\psi^\top \mathrm{ReLU}(W_q q + W_k k + b) + b_\psi$
# - `concat` (Luong): $v^\top \tanh(W [q; k])$
# - `deep`, a perceptron of $L$ layers (Pavlopoulos): $v^\top h_{L-1} + c$ with
#   $h_1 = \mathrm{ReLU}(W_q q + W_k k + b_1)$ and
#   $h_l = \mathrm{ReLU}(W_l h_{l-1} + b_l)$
#
# And two in which query and key do not meet:
#
# - `parametrized`, parametrised compatibility (Jetley): $u^\top (q + k)$
# - `location`, location-based (Luong), for position $i$ whatever its features:
#   $(W q)_i$
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
# An alignment makes weights $w_i$ of the scores $e_i$ of $N$ positions; $t$ is
# a temperature.
#
# Positions compete, and the weights sum to 1:
#
# - `softmax` (soft attention): $w_i = \exp(e_i / t) / \sum_j \exp(e_j / t)$
# - `sparsemax` (Martins), the nearest point whose entries are at least 0 and
#   sum to 1: $w = \arg\min_w \lVert w - e / t \rVert^2$
# - `entmax15`, 1.5-entmax (Peters), with the threshold $\tau$ that makes the
#   sum 1: $w_i = \max(e_i / (2t) - \tau, 0)^2$
# - `entmax`, $\alpha$-entmax, from softmax ($\alpha \to 1$) to sparsemax
#   ($\alpha = 2$) and beyond:
#   $w_i = \max((\alpha - 1) e_i / t - \tau, 0)^{1 / (\alpha - 1)}$
# - `top_k`, a softmax over the set $T$ of the $k$ highest scores:
#   $w_i = \exp(e_i / t) / \sum_{j \in T} \exp(e_j / t)$ in $T$, otherwise $0$
# - `local_monotonic`, local-m (Luong): the same, with $T$ a window around a
#   fixed anchor
# - `multi_dim_softmax`, multi-dimensional (Shen), for channel $c$ of scores of
#   $H$ heads: $w_{ic} = \exp(s_{ic}) / \sum_j \exp(s_{jc})$ with
#   $s_{ic} = \sum_{h=1}^{H} M_{hc} e_{hi}$
# - `l1`, shares of a sum: $w_i = e_i / \sum_j e_j$
# - `mean_flow` (Schlemper), with the lowest score $m = \min_j e_j$:
#   $w_i = (e_i - m) / \sum_j (e_j - m)$
#
# One position has all the weight:
#
# - `hard`, with the gradient of a softmax (straight-through):
#   $w = \mathrm{onehot}(\arg\max_i e_i)$
# - `sampled`, stochastic hard attention (Xu), learned by REINFORCE: in
#   training $w = \mathrm{onehot}(z)$ with $z \sim \mathrm{softmax}(e / t)$
# - `gumbel_softmax` (Jang, Maddison), nearly so: in training
#   $w = \mathrm{softmax}((e + g) / t)$ with $g_i \sim \mathrm{Gumbel}(0, 1)$
#
# Each position by itself, or within a window:
#
# - `sigmoid`: $w_i = 1 / (1 + \exp(-e_i / t))$
# - `min_max`, range normalisation: $w_i = (e_i - m) / (\max_j e_j - m)$
# - `local_predictive`, local-p (Luong), in the window of radius $D$ around
#   $p = S \mathrm{sigmoid}(v^\top \tanh(W q))$ on a map of size $S$,
#   with $\sigma = D / 2$:
#   $w_i = \mathrm{softmax}(e / t)_i \exp(-(i - p)^2 / (2 \sigma^2))$
#
# Positions depend on their neighbours; the weights are expectations under a
# conditional random field:
#
# - `chain_crf`, linear chain (Kim), with $K$ states and a learned table $T$:
#   $w_i = \mathbb{E}[z_i] / (K - 1)$ under
#   $p(z) \propto \exp(\sum_i e_i z_i / (K - 1) + \sum_i T_{z_i z_{i+1}})$
# - `grid_crf`, grid (Zhu), with $z_i \in \lbrace 0, 1 \rbrace$ and pairs $ij$
#   of neighbours: $w_i \approx p(z_i = 1)$ under
#   $p(z) \propto \exp(\sum_i e_i z_i + \sum_{ij} E_{z_i z_j})$
#
# Six scores in a row, and what the alignments make of them. Two more need to
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
# An aggregation makes a context $c$ of the features $f_i$ and their weights:
#
# - `weighted_sum`, of soft attention (Bahdanau): $c = \sum_i w_i f_i$, for each
#   head its slice of the channels
# - `gated_mean`, global average pooling of a gated map (Yan):
#   $c = \frac{1}{N} \sum_i w_i f_i$
# - `multi_map`, all channels for each of $H$ heads (Lin):
#   $c = [\sum_i w_{1i} f_i; \dots; \sum_i w_{Hi} f_i]$
# - `merge_heads`, of multi-head attention (Vaswani):
#   $c = W_o [\sum_i w_{1i} v_{1i}; \dots; \sum_i w_{Hi} v_{Hi}] + b_o$ with
#   $v_{hi} = W_{v,h} f_i + b_{v,h}$
# - `concat_query` (Luong): $h = \tanh(W_c [c; q])$ with
#   $c = \sum_i w_i f_i$
# - `gate`, attention gate (Oktay), a map again: $c_i = w_i f_i$
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
