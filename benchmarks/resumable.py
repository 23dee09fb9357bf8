"""What it costs to be able to go on: `Resumable.fit` beside `model.fit`.

    KERAS_BACKEND=tensorflow python benchmarks/resumable.py

VGG16_bn with attention, an eighth of its width, 64 x 64 pixels, an epoch of 200
steps, in turns in one process: with a checkpoint at the end of the epoch, and
with one after 100 steps besides. A ratio of 1.02 means that a training takes
2 % longer, its last checkpoint on the disk included. Writes
benchmarks/results/resumable.json and .md.
"""

import argparse
import pathlib
import tempfile

import keras
import numpy as np
import timing

from keras_attention import VGG16BNAttention
from keras_attention import datasets
from keras_attention.training import Resumable

SIZE, BATCH, STEPS, EPOCHS = 64, 8, 200, 1


def program():
    """A compiled model and batches of random images."""
    rng = np.random.default_rng(0)
    shape = (BATCH * STEPS, SIZE, SIZE, 3)
    images = rng.integers(0, 256, shape, "uint8")
    data = datasets.from_arrays(images, np.arange(len(images)) % 2)
    model = VGG16BNAttention(
        {"block3": "attn_pool"},
        input_shape=(SIZE, SIZE, 3),
        classes=2,
        width_multiplier=0.125,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, datasets.batches(data, BATCH, seed=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    model, data = program()

    def plain():
        data.set_state({"epoch": 0, "step": 0})
        model.fit(data, epochs=EPOCHS, verbose=0)

    rows = []
    for every in (None, 100):

        def resumable(every=every):
            data.set_state({"epoch": 0, "step": 0})
            with tempfile.TemporaryDirectory() as folder:
                Resumable(folder, every).fit(model, data, EPOCHS, verbose=0)

        found = timing.compare(resumable, plain, arguments.pairs, 1)
        rows.append({"every": every or "epoch", **found})
        print(rows[-1], flush=True)
    timing.write(
        arguments.output
        or pathlib.Path(__file__).parent / "results" / "resumable.json",
        rows,
        timing.environment(
            keras.backend.backend(),
            keras=keras.__version__,
            parameters=model.count_params(),
        ),
    )


if __name__ == "__main__":
    main()
