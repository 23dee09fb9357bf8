"""SAGAN's block, its networks and its training beside plain PyTorch.

    KERAS_BACKEND=tensorflow python benchmarks/generation.py
    KERAS_BACKEND=torch python benchmarks/generation.py
    python benchmarks/generation.py --memory

In turns in one process; ratios below 1 mean that ours is faster. The networks
are those of 32 x 32 pixels with attention at 16 x 16, without classes. The
training step is `train_on_batch` of `AdversarialModel` and, in PyTorch, an
update of both networks from one batch of generated images. With `--memory`, by
how much a training step of the block on one map of 64 x 64 positions raises
the peak of a fresh process. Needs PyTorch.

Writes benchmarks/results/generation_<backend>.json and .md, and
generation_memory_<backend>.json and .md.
"""

# isort: off
# PyTorch's optimizers load its compiler, which crashes after TensorFlow's.
import torch
import torch._dynamo

# isort: on
import argparse
import pathlib
import resource
import subprocess
import sys

import keras
import numpy as np
import sagan
import steps
import timing

from keras_attention import layers
from keras_attention.tasks import generation

RESULTS = pathlib.Path(__file__).parent / "results"
MAPS = ((16, 32, 32, 64), (2, 64, 64, 64))
SIZE, LATENT, WIDTH, SIDE, BATCH = 32, 64, 32, 16, 32
VARIANTS = ("paper", "official")
PAIRS = 11


def first(array):
    """Channels first, as PyTorch's convolutions have it."""
    axes = (0, array.ndim - 1, *range(1, array.ndim - 1))
    return np.ascontiguousarray(array.transpose(axes))


def blocks(shape):
    """Rows of SAGAN's block in both variants."""
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    for variant in VARIANTS:
        layer = layers.get("sagan", variant=variant)
        layer.build(shape)
        yield (
            f"sagan, {variant}",
            shape,
            steps.keras_steps(layer, x),
            steps.torch_steps(sagan.Attention(shape[-1], variant), first(x)),
        )


def networks():
    """Rows of the generator and the discriminator, and the models."""
    shape, attention = (SIZE, SIZE, 1), {SIDE: "sagan"}
    generator = generation.generator(shape, LATENT, WIDTH, attention)
    discriminator = generation.discriminator(shape, WIDTH, attention)
    their_generator = sagan.generator(SIZE, LATENT, WIDTH, SIDE)
    their_discriminator = sagan.discriminator(SIZE, WIDTH, SIDE)
    for ours, theirs in (
        (generator, their_generator),
        (discriminator, their_discriminator),
    ):
        weights = sum(int(np.prod(w.shape)) for w in ours.trainable_weights)
        assert weights == sum(p.numel() for p in theirs.parameters())
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(BATCH, LATENT)).astype("float32")
    images = rng.normal(size=(BATCH, *shape)).astype("float32")
    yield (
        "generator",
        images.shape,
        steps.keras_steps(generator, noise),
        steps.torch_steps(their_generator, noise),
    )
    yield (
        "discriminator",
        images.shape,
        steps.keras_steps(discriminator, images),
        steps.torch_steps(their_discriminator, first(images)),
    )
    model = generation.AdversarialModel(generator, discriminator)
    model.compile(generation.two_rates(model))
    theirs = sagan.training_step(
        their_generator,
        their_discriminator,
        torch.from_numpy(first(images)),
        LATENT,
    )
    both = (lambda: model.train_on_batch(images),), (theirs,)
    yield "both trained", images.shape, *both


def measured(cases, pairs):
    """The rows of the table."""
    for name, shape, ours, theirs in cases:
        whats = ("forward", "training step")[-len(ours) :]
        for what, mine, other in zip(whats, ours, theirs, strict=True):
            row = {
                "name": name,
                "what": what,
                "shape": "x".join(map(str, shape)),
            }
            row |= timing.compare(mine, other, pairs)
            rate = 1e3 * shape[0] / row["ours_ms"]
            row["images_per_second"] = round(rate)
            print(row, flush=True)
            yield row


def memory(backend):
    """Rows of the peak of fresh processes."""
    for variant in VARIANTS:
        found = {}
        for who in ("ours", "PyTorch"):
            command = [sys.executable, __file__, "--peak", who, variant]
            run = subprocess.run(
                command, check=True, capture_output=True, text=True
            )
            found[who] = float(run.stdout.split()[-1])
        yield {
            "name": f"sagan, {variant}",
            "map": "1x64x64x64",
            "backend": backend,
            "ours_megabytes": found["ours"],
            "peer_megabytes": found["PyTorch"],
            "one_matrix_of_weights": 67.1 if variant == "paper" else 16.8,
        }


def peak(who, variant):
    """The growth of this process's peak by one training step."""

    def made(side):
        shape = (1, side, side, 64)
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        if who == "ours":
            layer = layers.get("sagan", variant=variant)
            layer.build(shape)
            return steps.keras_steps(layer, x)[1]
        return steps.torch_steps(sagan.Attention(64, variant), first(x))[1]

    made(4)()  # What the backend itself needs once is not the block's.
    step = made(64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(round((after - before) * 1024 / 1e6, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", action="store_true", help="that alone")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        peak(*arguments.peak)
        return
    if arguments.memory:
        rows = list(memory(steps.BACKEND))
        name = f"generation_memory_{steps.BACKEND}.json"
    else:
        rows = [
            row
            for cases in (*map(blocks, MAPS), networks())
            for row in measured(cases, arguments.pairs)
        ]
        name = f"generation_{steps.BACKEND}.json"
    timing.write(
        arguments.output or RESULTS / name,
        rows,
        timing.environment(
            steps.BACKEND, keras=keras.__version__, torch=torch.__version__
        ),
    )


if __name__ == "__main__":
    main()
