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
# # Boxes and masks: attention where an answer has a place
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/08_boxes_and_masks.ipynb)
#
# A classifier says what is there. A detector says *where* each thing is, and a
# segmentation network says of every pixel what it belongs to. Attention has two
# jobs here: between the positions of a map it lets an answer know what is
# elsewhere, and from learned queries to a map it *is* the search for objects.
#
# Both kinds of detector are trained below, on canvases with four digits among
# pieces of others; then a network with gates on its masks. About three minutes
# on two cores.

# %%
import io
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention[detection] @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from PIL import Image

from keras_attention import VGG11BN
from keras_attention import AttentionExtractor
from keras_attention import datasets
from keras_attention import explanation
from keras_attention import metrics
from keras_attention import visualization
from keras_attention.tasks import detection
from keras_attention.tasks import segmentation

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
TRAIN, TEST, EPOCHS = (32, 16, 1) if FAST else (1920, 200, 6)
DIGITS = [str(digit) for digit in range(10)]
keras.utils.set_random_seed(0)


def smaller(figure):
    """A figure in fewer dots, for this page."""
    written = io.BytesIO()
    figure.savefig(written, dpi=80)
    return Image.open(written)


# %% [markdown]
# ## Images, and what is where
#
# Boxes are `(ymin, xmin, ymax, xmax)` as shares of the image, everywhere in the
# package. Images have different numbers of objects, so `pad_objects` makes
# arrays of one size of them; a label of -1 is no object. Files in the formats
# of COCO, Pascal VOC and YOLO come the same way, by `datasets.from_coco`,
# `from_voc` and `from_yolo`.

# %%
settings = datasets.DigitsSettings(
    canvas=64,
    digits=4,
    scale=(2.0, 2.25),
    fragments=2,
    train=TRAIN,
    test=TEST,
)


def read(split):
    """Images, the objects in them, and a mask of all digits."""
    examples = list(datasets.generate(settings, split))
    images, boxes, labels, masks = (
        [example[key] for example in examples]
        for key in ("image", "boxes", "labels", "mask")
    )
    objects = detection.pad_objects(boxes, labels)
    return np.stack(images), objects, np.stack(masks)


train_images, train_objects, train_masks = read("train")
test_images, test_objects, test_masks = read("test")
{key: value.shape for key, value in train_objects.items()}

# %% [markdown]
# ## A detector that looks once
#
# Two maps of a small VGG11_bn become a *feature pyramid*; at every position of
# both, one head says how likely each class is there, and where the box is.
# `attention` takes what `attach` takes: here self-attention behind the larger
# map, so that a position knows what is elsewhere before it answers. It starts
# as the identity.


# %%
def backbone():
    pixels = keras.Input((64, 64, 1))
    network = VGG11BN(
        include_top=False,
        width_multiplier=0.125,
        input_tensor=keras.layers.Rescaling(1 / 255)(pixels),
    )
    return keras.Model(pixels, network.output)


def train(model, rate, epochs):
    steps = epochs * max(1, TRAIN // 32)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=rate, warmup_steps=max(1, steps // 10)
    )
    model.compile(keras.optimizers.AdamW(schedule, clipnorm=10.0))
    history = model.fit(
        train_images.astype("float32"),
        train_objects,
        batch_size=32,
        epochs=epochs,
        verbose=0,
    )
    return history.history["loss"]


detector = detection.OneStageDetector(
    backbone(),
    classes=10,
    levels=("block3_pool", "block4_pool"),
    channels=32,
    head_convs=1,
    attention={"level1": "mhsa"},
)
losses = train(detector, rate=4e-3, epochs=EPOCHS)
[round(loss, 2) for loss in losses]

# %% [markdown]
# `detect` gives what was found in the same form, with scores, and without the
# doubles (*non-maximum suppression*: of two boxes of a class that overlap by
# more than half, the surer one stays). Thin and white is what is there.


# %%
def show(images, objects, found=None, threshold=0.5):
    """Boxes on images: what is there, and what was found."""
    figure, line = plt.subplots(1, len(images), figsize=(10, 2.2))
    for index, axes in enumerate(line):
        axes.imshow(images[index, ..., 0], cmap="gray")
        axes.axis("off")
        for box in objects["boxes"][index]:
            outline(axes, box, "white", 0.8)
        if found is None:
            continue
        for box, label, score in zip(
            *(found[key][index] for key in ("boxes", "labels", "scores")),
            strict=True,
        ):
            if score > threshold:
                outline(axes, box, f"C{label}", 1.5)
                top, left = 64 * box[:2]
                text = f"{label} {score:.2f}"
                axes.text(left, top - 1, text, color=f"C{label}", fontsize=7)
    plt.close(figure)
    return figure


def outline(axes, box, colour, width):
    top, left, bottom, right = 64 * box - 0.5
    corner, size = (left, top), (right - left, bottom - top)
    axes.add_patch(
        Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=width)
    )


pixels = test_images.astype("float32")
found = detector.detect(pixels)
show(test_images[:5], test_objects, found)

# %% [markdown]
# ## How good is that?
#
# *Average precision* goes down the list of all that was found, the surest
# first, and asks at every share of the objects: with so many found, how many of
# the finds were right? Right is an overlap (IoU) of at least a half, if nobody
# surer has taken the object. The mean over classes is mAP@.5; COCO averages
# over stricter overlaps too.
#
# A few hundred test images are a sample: drawn again, the number would be
# another one. The interval is where it falls in 95 % of such draws.

# %%
result = detection.mean_average_precision(test_objects, found, DIGITS)
map50 = detection.map50_of_images(test_objects, found)
low, high = metrics.bootstrap_interval(
    map50, np.arange(TEST), repeats=20 if FAST else 1000
)
print(
    f"mAP@.5 {result['map50']:.3f} ({low:.3f} to {high:.3f}), "
    f"COCO's {result['map']:.3f}"
)
worst = min(DIGITS, key=lambda name: result["per_class"][name]["ap50"])
print(f"the hardest digit: {worst}")

# %% [markdown]
# Does the attention help? Not measurably, on these images: over three seeds the
# detector without any is as good. [The evidence](../docs/evidence.md#detection)
# has the table, with a 1x1 convolution and uniform weights in its place.
#
# ## Where does an answer come from?
#
# The position that found a box has weights over all others. Beside them
# Grad-CAM of the same box: the target is the logit of its class at its place in
# the list, and any function of the outputs will do.

# %%
outputs, maps = AttentionExtractor(detector).predict(pixels[:1], verbose=0)
logits, boxes, cells = (outputs[k][0] for k in ("logits", "boxes", "cells"))
labels, boxes = logits.argmax(-1), np.clip(boxes, 0, 1)
kept = detection.non_max_suppression(boxes, logits.max(-1), labels)
grid = 8  # level 1 has 8 x 8 positions
looks, cams = [], []
surest = [i for i in kept if i < grid * grid][:3]  # found on level 1
for index in surest:
    row, column = (cells[index, :2] * grid).astype(int)
    weights = maps["level1_mhsa"][0].mean(0)[row * grid + column]
    looks.append(weights.reshape(grid, grid))
    cam = explanation.grad_cam(
        detector,
        pixels[:1],
        target=lambda answers, i=index: answers["logits"][:, i, labels[i]],
        layer="level1",
    )
    cams.append(cam[0])
visualization.plot_attention(
    np.repeat(test_images[:1], len(surest), axis=0),
    {"attention": np.stack(looks), "Grad-CAM": np.stack(cams)},
    outlines=boxes[surest, None],
    normalize="per_image",
)

# %% [markdown]
# ## A detector that asks
#
# A *DETR* has no grid of answers. It has learned queries; each attends to the
# map and answers with one object or none, and in training a matching decides
# which query answers for which digit. No doubles, and no suppression. It learns
# more slowly: in as many epochs it has hardly begun, and its loss is what shows
# that it learns.

# %%
detr = detection.DETR(
    backbone(),
    10,
    "block3_pool",
    num_queries=12,
    num_encoders=1,
)
losses = train(detr, rate=1e-3, epochs=EPOCHS)
print([round(loss, 2) for loss in losses])
asked = detection.mean_average_precision(test_objects, detr.detect(pixels))
print(f"mAP@.5 {asked['map50']:.3f}")

# %% [markdown]
# What its four surest queries look at, each the mean of four heads:

# %%
outputs, maps = AttentionExtractor(detr).predict(pixels[:1], verbose=0)
surest = np.argsort(-outputs["logits"][0].max(-1))[:4]
looks = maps["decoder2_cross"][:, :, surest].mean(1)  # (1, 4, 8, 8)
visualization.plot_attention(
    np.repeat(test_images[:1], 4, axis=0),
    {"decoder2_cross": looks[0]},
    outlines=np.clip(outputs["boxes"][0, surest][:, None], 0, 1),
)

# %% [markdown]
# With `alignment="grid_crf"` neighbouring positions decide together what a
# query attends to, with `"chain_crf"` along a line; everything else stays.
#
# A trained detector for other classes is one call, which keeps all weights but
# those of the logits:

# %%
odd_or_even = detection.with_classes(detector, 2)
odd_or_even.classes, odd_or_even.count_params() - detector.count_params()

# %% [markdown]
# # Masks and pictures
#
# Where every pixel has an answer, gates decide what of the encoder's maps is
# handed to the decoder (*Attention U-Net*). The mask is here the inside of all
# digits' boxes; the second row has what the network answers, and the others
# what its gates let through.

# %%
keras.utils.set_random_seed(0)
network = segmentation.AttentionUNet(
    (64, 64, 1),
    classes=1,
    classifier_activation="sigmoid",
    width_multiplier=1 / 16,
)
network.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
network.fit(
    train_images / 255.0,
    train_masks,
    batch_size=32,
    epochs=1 if FAST else 3,
    verbose=0,
)
answers, maps = AttentionExtractor(network).predict(
    test_images[:4] / 255.0, verbose=0
)
smaller(
    visualization.plot_attention(
        test_images[:4],
        {"answer": answers[..., 0], **maps},
        outlines=test_masks[:4],
    )
)
