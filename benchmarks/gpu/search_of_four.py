"""A search of four trials: which attention, where, with what learning rate.

    bash benchmarks/gpu.sh --parts search    # at most 60 s, one CUDA card

Shows that a search runs on the card, and how long a trial takes there. Two
epochs do not tell which network is better.
"""

import pathlib
import time

from gpu.images import load
from keras_attention import tuning

TRIALS = 4
# Trials that have begun are finished: some of the time is left for them.
SHARE = 0.8
# One value each: the four trials differ in attention.
TRAINING = {
    "optimizer": "sgd",
    "learning_rate": 0.03,
    "weight_decay": 5e-4,
    "schedule": "cosine",
    "warm_up": 0.125,
    "dropout": 0.0,
    "score": "additive",
    "alignment": "softmax",
    "aggregation": "weighted_sum",
    "num_heads": 1,
}


def run(settings, add):
    """A row a trial."""
    (images, labels), _ = load(settings)
    count, width, batch = (
        (32, 1 / 16, 16) if settings["dry"] else (5000, 1.0, 250)
    )
    train, validation = slice(count), slice(count, count + count // 5)
    hypermodel = tuning.AttentionHyperModel(
        images.shape[1:],
        10,
        mechanisms=["se", "attn_pool", "uniform"],
        places=["block3", "block4"],
        several=False,
        choices={**TRAINING, "width_multiplier": width},
        epochs=1 if settings["dry"] else 2,
        batch_size=batch,
    )
    result = tuning.search(
        hypermodel,
        (images[train], labels[train]),
        (images[validation], labels[validation]),
        max_trials=TRIALS,
        time_limit=SHARE * (settings["ends"] - time.time()),
        directory=pathlib.Path(settings["scratch"], "search"),
    )
    for row in result.rows:
        metrics = row["metrics"]
        add(
            trial=row["trial"],
            status=row["status"],
            hyperparameters=row["hyperparameters"],
            val_accuracy=rounded(row["score"]),
            seconds=rounded(metrics.get("seconds")),
            reason=row["reason"],
        )


def rounded(value):
    """`None` for a trial that has none."""
    return None if value is None else round(value, 4)
