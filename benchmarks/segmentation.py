"""The U-Net with and without gates beside the same networks in PyTorch.

    KERAS_BACKEND=tensorflow python benchmarks/segmentation.py

Inference and training step (SGD with momentum, cross-entropy of the pixels), in
turns in one process; ratios below 1 mean that ours is faster. Both have the
same number of parameters, which is checked. Needs PyTorch. Writes
benchmarks/results/segmentation_<backend>.json and .md.
"""

# isort: off
# PyTorch's optimizers load its compiler, which crashes after TensorFlow's.
import torch
import torch._dynamo

# isort: on
import argparse
import pathlib

import keras
import model_step
import numpy as np
import peers
import steps
import timing

from keras_attention.tasks.segmentation import AttentionUNet

FILTERS = (64, 128, 256, 512, 1024)


def networks(gates, size, classes, width):
    """Ours and the peer, of the same size."""
    ours = AttentionUNet(
        (size, size, 1),
        classes,
        gates=gates,
        classifier_activation=None,
        width_multiplier=width,
    )
    theirs = peers.AttentionUNet(
        1, classes, [int(width * filters) for filters in FILTERS], gates
    )
    counts = (
        sum(int(np.prod(weight.shape)) for weight in ours.trainable_weights),
        sum(weight.numel() for weight in theirs.parameters()),
    )
    if counts[0] != counts[1]:
        raise ValueError(
            f"The networks must be of one size. Received: {counts}"
        )
    return ours, theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    batch, size, width = arguments.batch, arguments.size, arguments.width
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, size, size, 1)).astype("float32")
    labels = rng.integers(0, 2, (batch, size, size))
    rows = []
    for name, gates in (("plain", False), ("gates", True)):
        ours, theirs = networks(gates, size, 2, width)
        for row in model_step.measure(
            f"U-Net, {name}, {batch} of {size}x{size}",
            "PyTorch, the same",
            model_step.keras_functions(ours, images, labels),
            model_step.torch_functions(theirs, images, labels),
            arguments.pairs,
        ):
            per_second = round(1000 * batch / row["ours_ms"], 1)
            rows.append({**row, "images_a_second": per_second})
    name = f"results/segmentation_{steps.BACKEND}.json"
    timing.write(
        arguments.output or pathlib.Path(__file__).parent / name,
        rows,
        timing.environment(
            steps.BACKEND, keras=keras.__version__, torch=torch.__version__
        ),
    )


if __name__ == "__main__":
    main()
