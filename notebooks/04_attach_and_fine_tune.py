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
import json
import os
import pathlib
import subprocess
import sys
import tempfile

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention[export] @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_attention import attach
from keras_attention import attention_summary
from keras_attention import compare
from keras_attention import compare_weights
from keras_attention import datasets
from keras_attention import detach
from keras_attention import export
from keras_attention import visualization

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS, MORE = (128, 1, 1) if FAST else (3000, 4, 1)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## Any network
#
# `where` is the name of a layer, a pattern, a class, a function, or one of two
# words that every network understands: `"stage_ends"`, the last layer before a
# map shrinks, and `"residual_adds"`, where branches meet. With `weights=None`
# this cell needs no network; `weights="imagenet"` works the same.

# %%
mobilenet = keras.applications.MobileNetV2(
    input_shape=(96, 96, 3), weights=None, classes=10
)
with_cbam = attach(mobilenet, {"stage_ends": "cbam"})

images = np.random.default_rng(0).uniform(-1, 1, (8, 96, 96, 3))
before = mobilenet.predict(images, verbose=0)
after = with_cbam.predict(images, verbose=0)
print("largest difference of the answers:", np.abs(before - after).max())
assert (before == after).all()

report = compare_weights(mobilenet, with_cbam)
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
again = detach(with_cbam).predict(images, verbose=0)
print("difference without attention:", np.abs(before - again).max())

# %% [markdown]
# ## Fine-tune
#
# A network that was trained before: DenseNet121 of `keras.applications`, from
# random weights, on digits among clutter.

# %%
settings = {
    "canvas": 40,
    "fragments": 5,
    "train": IMAGES,
    "test": 200 if FAST else 2000,
}
train, validation, test = splits = datasets.load(
    "cluttered_digits", batch_size=32, **settings
)
examples = datasets.load(
    "cluttered_digits", batch_size=32, supervised=False, **settings
).test


def fit(model, epochs, learning_rate):
    steps = epochs * len(train)
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
    )
    model.fit(
        train,
        validation_data=validation,
        epochs=epochs,
        shuffle=False,
        verbose=2,
    )


# The fast mode takes one that is quicker to compile.
application = "MobileNet" if FAST else "DenseNet121"
network = getattr(keras.applications, application)(
    weights=None,
    input_shape=splits.info.image_shape,
    classes=splits.info.classes,
    classifier_activation=None,
    name="before",
)
for layer in network.layers:
    # With Keras' 0.99 the statistics lag behind a training this short.
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.9
fit(network, EPOCHS, 3e-3)

# %% [markdown]
# From here two ways: on with the network as it is, or with attention behind
# every stage. Only the comparison of the two says what attention brings; that a
# network is better after more training than before says nothing.

# %%
longer = keras.models.clone_model(network)
longer.set_weights(network.get_weights())
attached = attach(network, {"stage_ends": "cbam"})
for model in (longer, attached):
    fit(model, MORE, 1e-3)

# %%
compare({"before": network, "longer": longer, "attached": attached}, examples)

# %% [markdown]
# How much attention did it want? The gains started at 0; at 1 the mechanism is
# on in full.

# %%
for weight in attached.weights:
    if weight.name == "gain":
        print(f"{weight.path:<32} {float(weight):+.2f}")

# %%
batch = {key: np.asarray(value) for key, value in next(iter(examples)).items()}
predictions = attached.predict(batch["image"], verbose=0).argmax(-1)
maps = visualization.collect_attention(attached, batch["image"][:5])
# Channels have no place in the image, and two by two positions hardly one.
maps = {
    name: attention
    for name, attention in maps.items()
    if attention.kind == "spatial" and attention.values.shape[-1] > 2
}
visualization.plot_attention(
    batch["image"][:5],
    maps,
    outlines=batch["mask"][:5],
    labels=batch["label"][:5],
    predictions=predictions[:5],
    class_names=splits.info.class_names,
)

# %% [markdown]
# ## On photographs
#
# The same with MobileNet of `keras.applications`, from random weights, and
# 2,640 photographs of groceries in 81 classes: 10 epochs, then 5 more with and
# without `cbam` behind every stage, three seeds. It takes half an hour on two
# cores, and the photographs are not part of the repository, so these are its
# results as committed:
#
# ```
# python examples/attach.py --network MobileNet --dataset grocery_128.npz \
#     --size 64 --epochs 10 5 --seeds 3
# ```

# %%
results = pathlib.Path("../examples/results/attach/grocery/results.json")
if results.exists():
    rows = json.loads(results.read_text())["rows"]
    figure, axes = plt.subplots(figsize=(5, 2.4), layout="constrained")
    stages = ["before", "longer", "attached"]
    for seed in range(3):
        accuracies = [
            row["accuracy"]
            for stage in stages
            for row in rows
            if (row["model"], row["seed"]) == (stage, seed)
        ]
        axes.plot(stages, accuracies, "o-", label=f"seed {seed}")
        print(seed, " ".join(f"{value:.1%}" for value in accuracies))
    axes.set_ylabel("test accuracy")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()

# %% [markdown]
# A network of this depth learns these few photographs by heart, with attention
# and without.

# %% [markdown]
# ## Ship it
#
# A file that takes `uint8` images as they are stored and returns the answers
# and the maps by name, compared with Keras before it gets its name.

# %%
with tempfile.TemporaryDirectory() as folder:
    pixels = np.round(255 * batch["image"]).astype("uint8")
    exported = export(
        attached,
        pathlib.Path(folder) / "digits.onnx",
        format="onnx",
        preprocessing=(0, 1),
        test=(pixels, batch["label"]),
    )
exported
