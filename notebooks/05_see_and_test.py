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
# # What does it look at, and is that true?
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/05_see_and_test.ipynb)
#
# A map over a photograph convinces at once, and that is the trouble with it. So
# here every map is asked three questions. Where does it look? Does learned
# attention agree with what gradients say? And is either *true*: does the answer
# change where the map says it rests?
#
# First a network that was trained on ImageNet, on photographs that come with
# scikit-learn and matplotlib; then a network of our own, on digits among
# clutter, where we know where the digit is. About six minutes on two cores.

# %%
import io
import os
import pathlib
import subprocess
import sys
import tempfile

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention[pretrained] @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib
import numpy as np
import sklearn
from PIL import Image

from keras_attention import EfficientNetLite0
from keras_attention import VGG16BNAttention
from keras_attention import callbacks
from keras_attention import datasets
from keras_attention import explanation
from keras_attention import visualization
from keras_attention.features import preprocess_input

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS, WATCHED = (128, 1, 16) if FAST else (7000, 7, 64)
keras.utils.set_random_seed(0)


def smaller(figure):
    """A figure of photographs, in fewer dots, for this page."""
    written = io.BytesIO()
    figure.savefig(written, dpi=75)
    return Image.open(written)


# %% [markdown]
# ## A trained network, and three photographs

# %%
SIDE = 96 if FAST else 224


def square(path, top=0.5):
    """The largest square of a photograph, in the network's size."""
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left = (image.width - side) // 2
    above = round((image.height - side) * top)
    box = (left, above, left + side, above + side)
    return np.asarray(image.crop(box).resize((SIDE, SIDE), Image.BICUBIC))


folder = pathlib.Path(sklearn.__file__).parent / "datasets" / "images"
samples = pathlib.Path(matplotlib.get_data_path()) / "sample_data"
photos = np.stack(
    [
        square(folder / "flower.jpg"),
        square(folder / "china.jpg"),
        square(samples / "grace_hopper.jpg", top=0),
    ]
)
network = EfficientNetLite0(weights="imagenet", input_shape=(SIDE, SIDE, 3))
images = preprocess_input(
    photos.astype("float32"), weights="efficientnet_lite0"
)
images = np.asarray(images)
answers = network.predict(images, verbose=0)
# ImageNet's names of the classes that are needed here.
NAMES = {985: "daisy", 698: "palace", 652: "military uniform", 442: "bell cote"}
names = [NAMES.get(index, str(index)) for index in range(1000)]
[names[index] for index in answers.argmax(1)]

# %% [markdown]
# No attention is inside this network, so its maps come from gradients (Grad-CAM
# and its kin), or from hiding parts of the image (occlusion). `explanation`
# does it for any Keras model, nested, attached or subclassed; the layer, here
# the last map in front of the pooling, is found by itself. Only `predict` is
# asked by occlusion, which takes longest.

# %%
maps = {
    "Grad-CAM": explanation.grad_cam(network, images),
    "LayerCAM, early": explanation.layer_cam(
        network, images, layer="block10_add"
    ),
    "SmoothGrad": explanation.smooth_grad(network, images, samples=8),
    "occlusion": np.maximum(
        explanation.occlusion(network, images, size=SIDE // 5), 0
    ),
}
smaller(
    visualization.plot_attention(
        photos,
        maps,
        predictions=answers,
        class_names=names,
        normalize="per_image",
    )
)

# %% [markdown]
# `normalize="per_image"` makes structure of any difference, however small: good
# for a first look, and for fooling oneself. The maps side by side, in one
# scale, with how alike they are:

# %%
smaller(
    visualization.compare_maps(
        photos, {name: maps[name] for name in ("Grad-CAM", "occlusion")}
    )
)

# %% [markdown]
# A map belongs to a question. The same photograph, asked about its two most
# likely classes:

# %%
second = np.argsort(answers[1])[-2]
smaller(
    visualization.plot_attention(
        photos[[1]],
        {
            names[target]: explanation.grad_cam(network, images[[1]], target)
            for target in (answers[1].argmax(), second)
        },
        normalize="per_image",
    )
)

# %% [markdown]
# ## Attention that was learned
#
# Now VGG16_bn at an eighth of its width with attention at two places (of
# channels behind block 2, of positions in block 3), on digits among clutter.
# `AttentionMonitor` watches it from epoch to epoch: how much of the attention
# falls on the digit (*energy*), how many times what a map without preference
# would have there (*lift*), and how evenly it is spread (*entropy*). The
# numbers are in the logs of `fit`, for `EarlyStopping` or a search; it changes
# nothing.


# %%
def load(**options):
    return datasets.load(
        "cluttered_digits",
        batch_size=64,
        canvas=56,
        fragments=10,
        train=IMAGES,
        test=256,
        **options,
    )


splits = load()
batches = [
    {key: np.asarray(value) for key, value in batch.items()}
    for batch in load(supervised=False).test
]
test = {
    key: np.concatenate([batch[key] for batch in batches])[:WATCHED]
    for key in batches[0]
}
model = VGG16BNAttention(
    {"block2": "se", "block3_relu2": "attn_pool"},
    input_shape=splits.info.image_shape,
    classes=10,
    width_multiplier=0.125,
)
written = pathlib.Path(tempfile.mkdtemp())
monitor = callbacks.AttentionMonitor(
    test["image"], test["mask"], directory=written
)
steps = EPOCHS * len(splits.train)
schedule = keras.optimizers.schedules.CosineDecay(
    0.0, steps - steps // 8, warmup_target=3e-3, warmup_steps=steps // 8
)
model.compile(
    keras.optimizers.AdamW(schedule, weight_decay=1e-4),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(
    splits.train,
    validation_data=splits.validation,
    epochs=EPOCHS,
    verbose=0,
    callbacks=[monitor],
).history
for name in history:
    if "loss" not in name:
        values = " ".join(f"{value:.2f}" for value in history[name])
        print(f"{name:<32} {values}")

# %% [markdown]
# One row an epoch, of the layer that pools:

# %%
Image.open(written / "block3_relu2_attn_pool.png").reduce(2)

# %% [markdown]
# Learned attention beside Grad-CAM of the last map, the digit outlined.
# Grad-CAM asks what the *answer* rests on; attention is what the *layer* lets
# through. They need not agree.

# %%
collected = visualization.collect_attention(model, test["image"])
attention = collected["block3_relu2_attn_pool"]
maps = {
    "attention": attention,
    "Grad-CAM": explanation.grad_cam(model, test["image"]),
}
visualization.compare_maps(
    test["image"][:4],
    {name: values[:4] for name, values in maps.items()},
    test["mask"][:4],
)

# %% [markdown]
# ## Is it true?
#
# Pixels are taken away in the order of each map, the most important first
# (*deletion*: the answer should fall at once), and put in the same order into a
# blurred image (*insertion*: it should come back at once). Beside the maps
# stand three that know nothing of the network. A map that is not better than
# these explains nothing, however convincing it looks.

# %%
report = explanation.faithfulness_report(
    model,
    test["image"],
    maps,
    masks=test["mask"],
    measures=("deletion", "insertion"),
    steps=10,
)
report

# %% [markdown]
# Does the network *use* its attention? It goes on with other weights: uniform,
# permuted, another image's, and the mean over all images. If the mean does as
# well, the layer has learned a constant, and what is drawn of it is no
# attention.

# %%
explanation.attention_is_used(model, test["image"], test["label"])

# %% [markdown]
# With the weights above, attention passes: nearly all of it is on the digit,
# the answer falls when what it shows is taken away, and without it two answers
# in three are wrong. The gates of channels behind block 2 could be left out.
# Grad-CAM of the last map, 3x3, is no better than the centre of the image: not
# because the method is wrong, but because so small a map cannot say more.

# %% [markdown]
# And do the maps depend on what was learned? The weights are shuffled, from the
# top down. Maps that stay the same show the image, and not the network, as the
# edges of the image do:


# %%
def edges(model, images, target):
    """A map that has never seen the network."""
    down, right = np.gradient(images[..., 0], axis=(1, 2))
    return np.hypot(down, right)


for method in (explanation.grad_cam, edges):
    check = explanation.randomisation_check(
        model, test["image"][:16], method, steps=4
    )
    print(f"{method.__name__}\n{check}\n")

# %% [markdown]
# ## All of them
#
# A page with every image, to filter by answer and to sort by any number, the
# worst agreement first. It needs no server and no network:

# %%
gallery = visualization.AttentionGallery(written / "gallery")
gallery.add(
    test["image"],
    {name: np.asarray(values) for name, values in maps.items()},
    labels=test["label"],
    predictions=model.predict(test["image"], verbose=0),
    masks=test["mask"],
)
print(gallery.write().relative_to(written), len(gallery), "images")

# %% [markdown]
# ## What to keep
#
# - A map answers a question: which class, which layer, which method.
# - Draw it in a scale that can say "no preference", and beside it the number.
# - Ask whether it is better than the centre of the image. Often it is not.
# - Learned attention that could be replaced by its mean is a constant.
#
# For networks and photographs of your own there is a script:
# `python examples/explain.py MODEL IMAGES`.
