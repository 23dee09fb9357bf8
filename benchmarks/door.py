"""What the checks at the door cost: this tree beside an older checkout.

    git worktree add /tmp/before 16b7c39^
    python benchmarks/door.py --before /tmp/before
    git worktree remove /tmp/before

Three things that a user waits for, each in the tree and in the checkout:

- `fit`: the first step of a small `VGG16BNAttention`, tracing included,
- `attach`: attention put behind the stage ends of a MobileNetV2,
- `export`: a small network written as a SavedModel, and tried there.

A process runs all three once, after importing; processes of the two sides
take turns. A row holds the median ratio `tree / checkout` with its 95 %
interval: the checks should cost 2 % at most. Writes
benchmarks/results/door.json and .md with `--write`.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import timing

RESULTS = pathlib.Path(__file__).parent / "results" / "door.json"
TREE = pathlib.Path(__file__).parents[1]


def measure():
    """Seconds of each task, in a fresh process with packages imported."""
    import keras
    import numpy as np

    from keras_attention import attach
    from keras_attention.exporting import export
    from keras_attention.models import VGG16BNAttention

    keras.utils.set_random_seed(0)
    # A step that tells which images the model takes, for the export to find.
    inputs = keras.Input((32, 32, 3))
    scaled = keras.layers.Rescaling(1 / 255)(inputs)
    images = 255 * np.random.default_rng(0).uniform(size=(4, 32, 32, 3))
    model = VGG16BNAttention(
        {"block3": "se", "block4": "gate", "block5": "attn_pool"},
        input_tensor=scaled,
        classes=3,
        width_multiplier=0.125,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    network = keras.applications.MobileNetV2(
        weights=None, input_shape=(64,) * 2 + (3,)
    )
    found = {
        "fit": timing.seconds(
            lambda: model.fit(images, np.arange(4) % 3, verbose=0)
        ),
        "attach": timing.seconds(lambda: attach(network, {"stage_ends": "se"})),
    }
    with tempfile.TemporaryDirectory() as folder:
        found["export"] = timing.seconds(
            lambda: export(model, f"{folder}/model", format="saved_model")
        )
    return found


def in_checkout(path):
    """What `measure` finds in a process that imports from a checkout."""
    command = [sys.executable, __file__, "--measure"]
    environment = {**os.environ, "PYTHONPATH": str(path)}
    result = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(result.stdout.splitlines()[-1])


def compare(before, pairs):
    """The rows, from processes of both sides in turns."""
    turns = []
    for turn in range(pairs):
        # Who goes first alternates too: the second finds a warm cache.
        sides = [TREE, before][:: -1 if turn % 2 else 1]
        found = {path: in_checkout(path) for path in sides}
        turns.append((found[TREE], found[before]))
        print(f"{turn + 1} of {pairs}", flush=True)
    rows = []
    for task in turns[0][0]:
        ratios = [ours[task] / peer[task] for ours, peer in turns]
        low, high = timing.median_interval(ratios)
        ours, peer = (
            round(1e3 * statistics.median(side[task] for side in sides))
            for sides in zip(*turns, strict=True)
        )
        rows.append(
            {
                "task": task,
                "ours_ms": ours,
                "before_ms": peer,
                "ratio": round(statistics.median(ratios), 3),
                "low": round(low, 3),
                "high": round(high, 3),
                "pairs": pairs,
            }
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=pathlib.Path, help="older checkout")
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", action="store_true", help="one side")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure()))
        return
    before = arguments.before
    if before is None or not (before / "keras_attention").is_dir():
        parser.error(
            "--before: expected a checkout of this repository. "
            f"Received: {before}"
        )
    rows = compare(before.resolve(), arguments.pairs)
    for row in rows:
        print(row)
    if arguments.write:
        timing.write(RESULTS, rows, timing.environment("tensorflow"))


if __name__ == "__main__":
    main()
