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
# # Captions, word by word: show, attend and tell
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/07_captions_word_by_word.ipynb)
#
# A classifier looks once. A sentence is said word by word, and for every word a
# network can look somewhere else: attention that moves. Here a small VGG16_bn
# reads an image and an LSTM says what lies where, *a three at the top left*. At
# the end, the other thing that moving attention is good for: looking at little.
#
# The data are digits among clutter, made on the spot, and few enough for some
# minutes of two cores. [examples/caption.py](../examples/caption.py) trains on
# more and larger ones, with several seeds; what comes of it is in
# [the evidence](../docs/evidence.md#captions).

# %%
import io
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention[captioning] @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from PIL import Image

from keras_attention import VGG16BN
from keras_attention import alignments
from keras_attention import count_costs
from keras_attention import datasets
from keras_attention import losses
from keras_attention import metrics
from keras_attention import models
from keras_attention import visualization
from keras_attention.features import PositionEmbedding2D
from keras_attention.tasks import captioning
from keras_attention.tasks import glimpses

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS = (64, 1) if FAST else (7000, 10)
keras.utils.set_random_seed(0)


def smaller(figure):
    """A figure in fewer dots, for this page."""
    written = io.BytesIO()
    figure.savefig(written, dpi=55)
    return Image.open(written)


# %% [markdown]
# ## Images, and what is said of them
#
# Test images show digits that no training image shows.

# %%
SIZE = 32
settings = datasets.DigitsSettings(
    canvas=SIZE, fragments=3, train=IMAGES, test=200
)


def read(split):
    examples = list(datasets.generate(settings, split))
    images = np.stack([example["image"] for example in examples]) / 255
    boxes = np.stack([example["boxes"][0] for example in examples])
    captions = [example["caption"] for example in examples]
    return images.astype("float32"), captions, boxes


images, captions, boxes = read("train")
test_images, test_captions, test_boxes = read("test")
vocabulary = captioning.Vocabulary.from_captions(captions)
tokens = vocabulary.encode(captions[:1], length=7)
print(captions[0], tokens[0], len(vocabulary), "words", sep="\n")

# %% [markdown]
# ## The walk: image, features, scores, weights, context, word
#
# 1. **Features**: the map of a layer of VGG16_bn, 8 x 8 positions, to which a
#    table of positions is added: otherwise nothing says *where*. It is
#    normalized first: behind a ReLU all numbers are positive, and what differs
#    between images is small beside what they share. Without this the decoder
#    guesses the digit for epochs, for how many depends on the seed.
# 2. **Scores**: for every word the state $h$ of the LSTM asks all positions,
#    $e_i = v^\top \tanh(W_q h + W_k f_i)$. Any score and any alignment of
#    [notebook 02](02_scores_alignments_aggregations.ipynb) can be here.
# 3. **Weights**: $a = \mathrm{softmax}(e)$.
# 4. **Context**: $z = \beta \sum_i a_i f_i$, with a gate
#    $\beta = \sigma(w^\top h)$ that says how much of it is let in.
# 5. **Word**: the LSTM reads the word before and the context, and word, state
#    and context together say the next word, the *deep output*.

# %%
network = VGG16BN(
    include_top=False, input_shape=(SIZE, SIZE, 1), width_multiplier=0.125
)
features = network.get_layer("block3_relu3").output
features = keras.layers.BatchNormalization()(features)
features = PositionEmbedding2D()(features)
OPTIONS = {
    "length": 7,
    "score": "additive",
    "alignment": "softmax",
    "embedding_dim": 32,
    "units": 128,
    "key_dim": 64,
    "dropout": 0.2,
    "attention_weight": 0.0,
}
model = captioning.CaptioningModel(
    keras.Model(network.input, features), vocabulary, **OPTIONS
)
model.decoder.attention.score, model.decoder.attention.alignment

# %% [markdown]
# One step, in NumPy, from nothing but the layer's weights. It says the first
# word of an untrained network; the layer says the same.

# %%
decoder = model.decoder
w = {
    weight.path.split("decoder/")[-1]: keras.ops.convert_to_numpy(weight)
    for weight in decoder.weights
}


def dense(name, x):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


maps = model.encoder.predict(test_images[:1], verbose=0)  # (1, 8, 8, 32)
f = maps.reshape(64, 32)
h, c = (
    np.tanh(dense("first_h", f.mean(0))),
    np.tanh(dense("first_c", f.mean(0))),
)
query = dense("attention/score/query", h)
keys = f @ w["attention/score/key/kernel"]
e = np.tanh(query + keys) @ w["attention/score/vector"][0]  # scores
a = np.exp(e) / np.exp(e).sum()  # weights
z = sigmoid(dense("gate", h)) * (a @ f)  # context
word = w["words/embeddings"][1]  # the start
x = np.concatenate([word, z]) @ w["lstm/kernel"]
x += h @ w["lstm/recurrent_kernel"] + w["lstm/bias"]
i, forget, new, o = np.split(x, 4)
c = sigmoid(forget) * c + sigmoid(i) * np.tanh(new)
h = sigmoid(o) * np.tanh(c)
logits = dense(
    "logits", np.tanh(word + dense("read_h", h) + dense("read_z", z))
)

memory, states = decoder.begin(maps)
layers, states, weights = decoder.step(memory, states, np.array([1]))
np.testing.assert_allclose(logits, layers[0], rtol=1e-3, atol=1e-4)
np.testing.assert_allclose(a.reshape(8, 8), weights[0, 0], rtol=1e-3)
print("the same; the weights sum to", a.sum().round(6))

# %% [markdown]
# ### Two dialects
#
# Two networks go by the name of Show, Attend and Tell. Every difference is an
# argument of `RecurrentDecoder`; the defaults are the paper's.
#
# - Inside the score: tanh in the paper (Xu et al. 2015), ReLU in the PyTorch
#   tutorial of S. Vinodababu, `scores.get("additive", activation="relu")`.
# - The gate: a number, `"scalar"`, or one for every channel, `"vector"`.
# - The first state: through a tanh, or without, `initial_activation=None`.
# - The output: of word, state and context, `"deep"`, or of the state alone.
# - The penalty $(1 - \sum_t a_{ti})^2$: summed over the positions $i$, or their
#   mean, `attention_over="mean"`.
#
# The last weighs most: on 14 x 14 positions the sum is 196 times the mean,
# so the same factor of 1 means very different things. The penalty makes a
# network look at every position sometime. Here it is off: there is one place to
# look at.

# %% [markdown]
# ## Training is `compile` and `fit`

# %%
batches = captioning.CaptionBatches(images, captions, model, seed=0)
validation = captioning.CaptionBatches(test_images, test_captions, model, 100)


def trained(model, batches, validation, epochs):
    schedule = keras.optimizers.schedules.CosineDecay(
        2e-3, epochs * len(batches)
    )
    model.compile(
        keras.optimizers.AdamW(
            schedule, weight_decay=0.02, global_clipnorm=5.0
        ),
        losses.CaptionCrossentropy(),
    )
    return model.fit(
        batches, epochs=epochs, validation_data=validation, verbose=0
    ).history


history = trained(model, batches, validation, EPOCHS)
for name in ("loss", "val_loss"):
    print(f"{name:9}", *(f"{value:.2f}" for value in history[name]))

# %% [markdown]
# A loss that stays close to $\ln 10 = 2.3$, the price of not knowing which of
# ten digits it is, is what a decoder shows that cannot read its features.
#
# ## What it says, and where it looks
#
# Each row is one test image, its box drawn; a panel is the attention that a
# word was said with, as a multiple of no preference; the last is the sum.

# %%
said = captioning.generate(model, test_images, beam_size=1)
smaller(
    visualization.plot_caption_attention(
        test_images, said, outlines=test_boxes, max_images=3
    )
)

# %% [markdown]
# ### The beam
#
# Greedy search takes the most probable word each time. A beam keeps the best
# few beginnings, compares those that ended by $\log p$ a word, and where none
# ended gives the best that did not. BLEU counts the runs of one to four words
# that a caption shares with what it should have been.

# %%
references = [[caption] for caption in test_captions]
for size in (1, 3):
    found = captioning.generate(model, test_images, beam_size=size)
    scores = metrics.caption_scores(found.texts, references)
    print(
        f"beam of {size}: {scores['exact_match']:.0%} word for word, BLEU-4 "
        f"{scores['bleu_4']:.2f}, BLEU-1 {scores['bleu_1']:.2f}"
    )

# %% [markdown]
# ### Which word looks?
#
# How much of a word's attention is on the digit, and what happens if that one
# word cannot choose where to look? We make all keys the same while it is said:
# then all scores are the same, and the word sees the plain mean of the map.

# %%
NAMES = ["zero", "one", "two", "three", "four"]
NAMES += ["five", "six", "seven", "eight", "nine"]


def named(blind=None):
    """The share of digits named right, one word seeing everything alike."""
    memory, states = decoder.begin(
        model.encoder.predict(test_images, verbose=0)
    )
    mean = keras.ops.mean(memory.keys, axis=-2, keepdims=True)
    alike = memory._replace(
        keys=keras.ops.broadcast_to(mean, memory.keys.shape)
    )
    last = np.full(len(test_images), 1)
    for position in range(2):
        seen = alike if position == blind else memory
        logits, states, _ = decoder.step(seen, states, last)
        last = keras.ops.convert_to_numpy(keras.ops.argmax(logits, axis=-1))
    texts = [vocabulary.decode([token]) for token in last]
    truth = [text.split()[1] for text in test_captions]
    return np.mean([a == b for a, b in zip(texts, truth, strict=True)])


masks = np.zeros((len(test_boxes), SIZE, SIZE))
for mask, (top, left, bottom, right) in zip(
    masks, np.rint(SIZE * test_boxes).astype(int), strict=True
):
    mask[top:bottom, left:right] = 1
print(f"a uniform map has {metrics.area_share(masks).mean():.0%} on the digit")
print(f"digits named right: {named():.0%}")
for place, word in enumerate(["a or an", "its name"]):
    energy = metrics.attention_energy(said.attention[:, :, place], masks)
    print(
        f"{word}: {np.nanmean(energy):.0%} on the digit; without its look "
        f"{named(place):.0%} named right"
    )

# %% [markdown]
# Here the name looks: without its look most names are wrong, without the
# article's few. The sentence does not settle it. To say "an" a network must
# know that an eight follows, and another training, [before the map was
# normalized](../examples/results/caption/unnormalized), looked then and
# remembered: its names were guesses without the article's look, and as good as
# ever without their own. A map drawn over a word is where the network looked
# while saying it, which need not be the reason for the word.

# %% [markdown]
# ## Hard attention
#
# *Soft* attention mixes all positions. *Hard* attention takes one: in training
# it is drawn, and a draw has no gradient, so its score learns by REINFORCE:
# what was drawn is made likelier if the loss was below its moving average. One
# argument and one wrapper; a decoder of its own learns on the maps of the
# network that has just been trained.

# %%
cached = model.encoder.predict(images, verbose=0)
hard = captioning.CaptioningModel(
    cached.shape[1:],
    vocabulary,
    **{
        **OPTIONS,
        "alignment": alignments.get(
            "sampled", sampling_probability=0.5, seed=0
        ),
    },
)
batches = captioning.CaptionBatches(cached, captions, hard, seed=0)
test_maps = model.encoder.predict(test_images, verbose=0)
validation = captioning.CaptionBatches(test_maps, test_captions, hard, 100)
reinforce = models.ReinforceModel(hard.input, hard.output, entropy_weight=0.002)
trained(reinforce, batches, validation, max(EPOCHS // 2, 1))
said = captioning.generate(hard, test_maps)
right = metrics.exact_match(said.texts, references)
print(f"{right:.0%} word for word, from one position a word")

# %%
smaller(
    visualization.plot_caption_attention(
        test_images, said, outlines=test_boxes, max_images=2
    )
)

# %% [markdown]
# Fewer than with soft attention, in half the epochs, and from a place beside
# the digit: behind seven convolutions each position sees 40 pixels, here the
# whole image. What one position says need not be what lies there.
#
# ## Looking closer
#
# So far attention chose among features that had been paid for. It can also
# choose what to compute: `AttentionSampling` looks at a large image at 1/8 of
# its size, draws a few patches from the map it makes of that, without
# replacement, and only these are seen at full resolution. The estimate is
# unbiased, so it learns under plain `fit`.

# %%
CANVAS = 256
large = datasets.DigitsSettings(
    canvas=CANVAS, scale=(4.0, 4.0), fragments=40, fragment_size=16, test=4
)
example = next(iter(datasets.generate(large, "test")))
closer = glimpses.AttentionSampling(
    (CANVAS, CANVAS, 1),
    classes=10,
    num_patches=4,
    patch_size=40,
    width_multiplier=0.125,
    seed=0,
)
patches = keras.Model(
    closer.input, closer.get_layer("patch_sampling").output[0]
).predict(example["image"][None] / 255, verbose=0)[0]
whole = Image.fromarray(example["image"][..., 0])
strip = Image.new("L", (CANVAS + 100, CANVAS), 128)
strip.paste(whole)
for number, patch in enumerate(patches):
    shown = Image.fromarray(np.uint8(255 * patch[..., 0]))
    strip.paste(shown, (CANVAS + 30, 24 + 56 * number))
strip

# %% [markdown]
# Left what there is, right what the second network sees; this one is untrained
# and looks anywhere. What it saves, and how that grows with the image:

# %%
for canvas in (256, 512, 1024):
    dense_network = VGG16BN(
        include_top=False,
        pooling="avg",
        input_shape=(canvas, canvas, 1),
        width_multiplier=0.125,
    )
    closer = glimpses.AttentionSampling(
        (canvas, canvas, 1),
        classes=10,
        num_patches=4,
        patch_size=40,
        width_multiplier=0.125,
    )
    costs = [
        count_costs(network).total.flops / 1e9
        for network in (dense_network, closer)
    ]
    print(
        f"{canvas:5} pixels: all of them {costs[0]:6.2f} GFLOP, 4 patches "
        f"{costs[1]:.2f}, 1/{costs[0] / costs[1]:.0f}"
    )

# %% [markdown]
# Operations are not seconds, and neither is accuracy: what it pays with is in
# [the evidence](../docs/evidence.md#looking-closer), `RecurrentGlimpses`, which
# looks again where the last look leads it, beside it.
