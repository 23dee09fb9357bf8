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
# # Which attention, where? A search that answers with doubt
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/keras-visual-attention/keras_attention/blob/main/notebooks/06_search.ipynb)
#
# A dozen mechanisms, three blocks, scores, alignments, heads, learning rates:
# nobody knows beforehand which of it suits the images at hand. KerasTuner
# draws, trains and compares. What is easily forgotten is that the best of many
# trials is partly the luckiest, and that a mechanism tried twice has told
# little. So here every number comes with how sure it is.
#
# The data are digits among clutter, made on the spot; with the settings below
# some eight minutes on two cores. What it takes to search in earnest is at the
# end.

# %%
import os
import pathlib
import subprocess
import sys
import tempfile

if "google.colab" in sys.modules:
    repository = "https://github.com/keras-visual-attention/keras_attention"
    package = f"keras-visual-attention @ git+{repository}"
    install = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(install, check=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_attention import datasets
from keras_attention import tuning
from keras_attention import visualization

# The fast mode checks that everything runs; it learns nothing.
FAST = bool(os.environ.get("KERAS_ATTENTION_FAST"))
IMAGES, EPOCHS, TRIALS, SEEDS = (
    (64, 1, 2, (1,)) if FAST else (2000, 5, 8, (1, 2))
)
keras.utils.set_random_seed(0)
folder = pathlib.Path(tempfile.mkdtemp()) / "search"

# %% [markdown]
# ## Data
#
# Three splits: to train on, to compare trials on, and to test the winner on,
# which no trial sees. Validation images carry masks of the digit, so that the
# search also tells where attention lies.

# %%
settings = {
    "canvas": 32,
    "fragments": 2,
    "train": IMAGES,
    "validation": 64 if FAST else 500,
    "test": 64 if FAST else 2000,
    "batch_size": 16,
}
train, _, test = splits = datasets.load("cluttered_digits", **settings)
validation = datasets.load(
    "cluttered_digits", supervised=False, **settings
).validation
splits.info

# %% [markdown]
# ## What can be drawn
#
# `AttentionHyperModel` is a `keras_tuner.HyperModel`. Without arguments it
# draws from `tuning.MECHANISMS`, one of each kind, which twenty trials can
# compare; here from all that are registered, and with the choices below from
# all of their arguments. It leaves out what a map cannot take: heads that do
# not divide its channels, kernels larger than the map, scores that an
# alignment does not take.

# %%
everything = tuning.AttentionHyperModel(
    splits.info.image_shape,
    splits.info.classes,
    mechanisms="all",
    choices={"width_multiplier": 0.125, **dict.fromkeys(tuning.LAYER_CHOICES)},
)
for place, mechanisms in everything.options.items():
    print(f"{place}: {', '.join(mechanisms)}\n")
for argument in everything.options["block3"]["attn_pool"]:
    print(f"attn_pool's {argument.name}: {argument.values}")

# %% [markdown]
# That is a space for a cluster. Eight trials can say something about a small
# one: at most one mechanism of five, in one of two blocks, and the learning
# rate. *uniform* pools a place evenly: what attention has to be better than.

# %%
hypermodel = tuning.AttentionHyperModel(
    splits.info.image_shape,
    splits.info.classes,
    mechanisms=["uniform", "attn_pool", "gate", "se", "cbam"],
    places=["block3", "block4"],
    several=False,
    choices={
        "width_multiplier": 0.125,
        "dropout": 0.0,
        "learning_rate": [1e-3, 3e-3],
        "optimizer": "adamw",
        "weight_decay": 1e-4,
        "schedule": "cosine",
        "warm_up": 0.125,
        "score": "additive",
        "alignment": "softmax",
        "aggregation": "weighted_sum",
        "temperature": 1.0,
        "num_heads": 1,
        "key_dim": 32,
        "reduction_ratio": 4,
        "kernel_size": 3,
        "identity_init": False,
    },
    epochs=EPOCHS,
)
print(hypermodel.space_size(), "configurations")
for values in list(tuning.enumerate_space(hypermodel.space))[:4]:
    print(values)

# %% [markdown]
# ## Search
#
# `tuner` is `"random"`, `"grid"`, `"hyperband"`, `"bayesian"` or an oracle of
# your own. The same call again goes on where it was stopped, or killed; a trial
# that fails is kept with its reason and the search goes on.

# %%
result = tuning.search(
    hypermodel,
    train,
    validation,
    tuner="random",
    max_trials=TRIALS,
    directory=folder,
)

# %%
result

# %%
print(result.summary())

# %% [markdown]
# ## What mattered
#
# Every point is a trial; a value that was tried once has no interval. With so
# few trials most intervals overlap, and that is the finding.

# %%
result.plot_effects()

# %%
result.plot_progress()

# %%
result.plot_pareto("parameters")

# %%
result.plot_parallel()

# %% [markdown]
# ## The winner again
#
# On fresh seeds, beside the same network without attention and with the same
# place pooled evenly, all on test images that no trial has seen. The gap to
# the search's score is luck that the choice of the best picked out.

# %%
winner = result.best["hyperparameters"]
networks = {"winner": winner, **hypermodel.baselines(winner)}
retrained = {
    name: result.retrain(
        hypermodel=hypermodel,
        values=None if name == "winner" else values,
        train=train,
        validation=validation,
        test=test,
        seeds=SEEDS,
        path=folder / f"{name}.keras",
    )
    for name, values in networks.items()
}
retrained["winner"]

# %%
for name, fresh in retrained.items():
    values = ", ".join(f"{value:.1%}" for value in fresh.values)
    print(f"{name:<8} {fresh.mean:.1%} on average ({values})")

# %% [markdown]
# Where it looks, if it looks anywhere: a winner without attention, with an even
# pooling or with attention over channels alone has no map to draw.

# %%
batch = {key: np.asarray(v) for key, v in next(iter(validation)).items()}
if {"attn_pool", "gate", "cbam"}.intersection(winner.values()):
    model = keras.saving.load_model(folder / "winner.keras")
    figure = visualization.plot_attention(
        batch["image"][:8],
        visualization.collect_attention(model, batch["image"][:8]),
        outlines=batch["mask"][:8],
        labels=batch["label"][:8],
    )
else:
    figure = f"No map over the image: {winner}"
figure

# %% [markdown]
# ## In earnest
#
# Several processes on one machine, one a GPU with `workers="auto"`; functions
# in place of data sets, which other processes cannot be sent:
#
# ```python
# result = tuning.search(
#     tuning.AttentionHyperModel((32, 32, 3), 10, seeds=3, max_overhead=0.1),
#     lambda: datasets.load("cifar10").train,
#     lambda: datasets.load("cifar10").validation,
#     tuner="hyperband",
#     max_trials=None,
#     epochs=30,
#     workers="auto",
#     directory="runs/cifar10",
# )
# ```
#
# On several machines, `client=` is of whatever runs Dask there: SSH, SLURM,
# Kubernetes, a cloud. The same as a script, alone and on a SLURM cluster:
#
# ```
# python examples/search.py --dataset cifar10 --size 32 --width 0.5 \
#     --mechanisms all --tuner hyperband --trials 60 --epochs 30 --workers auto
# sbatch examples/slurm/search.sbatch
# ```
#
# `seeds=3` trains every trial three times, so that the leaderboard has a
# spread; `max_overhead=0.1` draws nothing that costs more than 10 % of the
# plain network's operations. Any functional classifier can be the base,
# `AttentionHyperModel(base=keras.applications.ResNet50())`, and any
# `keras_tuner.HyperModel` can be searched.
