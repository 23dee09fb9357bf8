"""Detectors beside the same networks in PyTorch, and what is around them.

    KERAS_BACKEND=tensorflow python benchmarks/detection.py
    KERAS_BACKEND=torch python benchmarks/detection.py

In turns in one process; ratios below 1 mean that ours is faster. The
transformer of `DETR` (2 and 2 blocks, 128 channels, 8 heads, 100 queries, a map
of 15 x 20 positions, batches of 8) beside a module of as many parameters on
PyTorch's fused attention; the head of `OneStageDetector` (64 channels, 2
convolutions a branch, a map of 40 x 40) beside the same convolutions. Then the
matching of 16 images of 50 objects, beside a training step of that transformer;
and `detect` with all that is around the network, beside `predict`: on
EfficientNet-Lite0, 320 x 320 pixels, 1,000 candidates an image. Needs PyTorch.

Writes benchmarks/results/detection_<backend>.json and .md.
"""

import argparse
import pathlib

import keras
import numpy as np
import steps
import timing
import torch
from torch import nn
from torch.nn import functional

from keras_attention import EfficientNetLite0
from keras_attention.tasks import detection
from keras_attention.tasks.detection.assignment import by_matching
from keras_attention.tasks.detection.one_stage import head

RESULTS = pathlib.Path(__file__).parent / "results"
CLASSES, QUERIES, DIM, HEADS = 10, 100, 128, 8
GRID, BATCH = (15, 20), 8
MATCHED = {"images": 16, "objects": 50}


class Attention(nn.Module):
    """Multi-head attention with PyTorch's fused product."""

    def __init__(self):
        super().__init__()
        self.query, self.value, self.output = (
            nn.Linear(DIM, DIM) for _ in range(3)
        )
        self.key = nn.Linear(DIM, DIM, bias=False)

    def forward(self, asking, looked_at):
        """Queries `(batch, queries, DIM)`, tokens `(batch, tokens, DIM)`."""
        query, key, value = (
            x.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for x in (
                self.query(asking),
                self.key(looked_at),
                self.value(looked_at),
            )
        )
        context = functional.scaled_dot_product_attention(query, key, value)
        return self.output(context.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, to a memory too if there is one, and two dense layers."""

    def __init__(self, looks):
        super().__init__()
        self.norms = nn.ModuleList(
            nn.LayerNorm(DIM, eps=1e-6) for _ in range(2 + looks)
        )
        self.own = Attention()
        self.cross = Attention() if looks else None
        self.dense = nn.Sequential(
            nn.Linear(DIM, 4 * DIM),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * DIM, DIM),
        )

    def forward(self, x, places, memory=None):
        """Tokens or queries, each part added to what it takes."""
        y = self.norms[0](x) + places
        x = x + self.own(y, y)
        if self.cross is not None:
            x = x + self.cross(self.norms[1](x) + places, memory)
        return x + self.dense(self.norms[-1](x))


class Transformer(nn.Module):
    """What `DETR` is, from a map to logits and boxes, in PyTorch."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Linear(DIM, DIM)
        self.encoder = nn.ModuleList(Block(looks=False) for _ in range(2))
        self.decoder = nn.ModuleList(Block(looks=True) for _ in range(2))
        self.norms = nn.ModuleList(
            nn.LayerNorm(DIM, eps=1e-6) for _ in range(2)
        )
        self.points = nn.Parameter(torch.randn(1, QUERIES, 2))
        self.queries = nn.Parameter(torch.randn(1, QUERIES, DIM))
        self.asking = nn.Linear(DIM, DIM)
        self.logits = nn.Linear(DIM, CLASSES)
        self.boxes = nn.Sequential(
            nn.Linear(DIM, DIM),
            nn.ReLU(),
            nn.Linear(DIM, DIM),
            nn.ReLU(),
            nn.Linear(DIM, 4),
        )
        rows, columns = (torch.arange(size) + 0.5 for size in GRID)
        grid = torch.meshgrid(rows / GRID[0], columns / GRID[1], indexing="ij")
        points = torch.stack(grid, -1).flatten(0, 1)[None]
        self.register_buffer("positions", self.waves(points))

    def waves(self, points):
        """Sines and cosines of points `(..., 2)`."""
        count = DIM // 4
        frequencies = 2 * torch.pi * 20.0 ** (-torch.arange(count) / count)
        angles = points.unsqueeze(-1) * frequencies
        return torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)

    def forward(self, x):
        """A map `(batch, height, width, DIM)`."""
        x = self.tokens(x.flatten(1, 2))
        for block in self.encoder:
            x = block(x, self.positions)
        memory = self.norms[0](x) + self.positions
        places = self.asking(self.waves(self.points.sigmoid()))
        queries = self.queries.expand(len(x), -1, -1)
        for block in self.decoder:
            queries = block(queries, places, memory)
        answer = self.norms[1](queries)
        centres, sides = self.boxes(answer).split(2, -1)
        centres, sides = (centres + self.points).sigmoid(), sides.sigmoid()
        boxes = [centres - sides / 2, centres + sides / 2]
        return torch.cat([self.logits(answer), *boxes], -1)


def detr():
    """Ours, as the benchmark's map is its backbone."""
    features = keras.Input((*GRID, DIM))
    named = keras.layers.Identity(name="map")(features)
    return detection.DETR(
        keras.Model(features, named),
        CLASSES,
        "map",
        num_queries=QUERIES,
        token_dim=DIM,
        num_heads=HEADS,
        auxiliary=False,
    )


def transformers():
    """Ours with one output, and PyTorch's, of as many parameters."""
    model = detr()
    outputs = [model.output["logits"], model.output["boxes"]]
    ours = keras.Model(model.input, keras.layers.Concatenate()(outputs))
    theirs = Transformer()
    counts = ours.count_params(), sum(p.numel() for p in theirs.parameters())
    assert counts[0] == counts[1], counts
    return ours, theirs, (BATCH, *GRID, DIM)


class Heads(nn.Module):
    """Both branches of a one-stage head in PyTorch."""

    def __init__(self, channels, normalized):
        super().__init__()
        self.branches = nn.ModuleList()
        for units in (CLASSES, 4):
            layers = []
            for _ in range(2):
                layers.append(
                    nn.Conv2d(channels, channels, 3, padding=1, bias=False)
                )
                if normalized:
                    layers.append(nn.GroupNorm(8, channels, eps=1e-3))
                layers.append(nn.ReLU())
            layers.append(nn.Conv2d(channels, units, 3, padding=1))
            self.branches.append(nn.Sequential(*layers))

    def forward(self, x):
        """A map `(batch, height, width, channels)`, channels last in memory."""
        x = x.permute(0, 3, 1, 2)
        found = [branch(x) for branch in self.branches]
        return torch.cat(found, 1).permute(0, 2, 3, 1)


def heads(normalized=True, channels=64, side=40):
    """Ours and PyTorch's, also without normalization, to see what it costs."""
    features = keras.Input((side, side, channels))
    found = []
    for name, units in (("logits", CLASSES), ("boxes", 4)):
        branch = head(name, units, channels, 2, 0.0)
        if not normalized:
            kept = [x for x in branch.layers if "norm" not in x.name]
            branch = keras.Sequential(kept)
        found.append(branch(features))
    ours = keras.Model(features, keras.layers.Concatenate()(found))
    theirs = Heads(channels, normalized)
    counts = ours.count_params(), sum(p.numel() for p in theirs.parameters())
    assert counts[0] == counts[1], counts
    return ours, theirs, (BATCH, side, side, channels)


def beside_torch(name, ours, theirs, shape, pairs):
    """Rows of a forward pass and a training step."""
    array = np.random.default_rng(0).normal(size=shape).astype("float32")
    functions = zip(
        ("forward", "training step"),
        steps.keras_steps(ours, array),
        steps.torch_steps(theirs, array),
        strict=True,
    )
    for what, a, b in functions:
        yield row(f"{name}, {what}", "PyTorch", shape[0], a, b, pairs)


def matching(pairs):
    """The row of what it costs to say which query answers for what."""
    rng = np.random.default_rng(0)
    images, count = MATCHED["images"], MATCHED["objects"]
    low = rng.uniform(0, 0.8, (images, count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.05, 0.2, low.shape)], -1)
    labels = rng.integers(0, CLASSES, (images, count))
    objects = {"boxes": boxes.astype("float32"), "labels": labels}
    features = rng.normal(size=(images, *GRID, DIM)).astype("float32")
    model = detr()
    model.compile("adam")
    outputs = model.predict(features, verbose=0)

    def match():
        found = by_matching(objects, outputs, (2.0, 2.0, 5.0))
        keras.ops.convert_to_numpy(found)

    def step():
        model.train_on_batch(features, objects)

    what = "matching, 100 queries, 50 objects"
    return row(what, "its training step", images, match, step, pairs)


def detecting(pairs):
    """The row of all that is around a network, with 1,000 candidates."""
    pixels = keras.Input((320, 320, 3))
    backbone = EfficientNetLite0(include_top=False, input_tensor=pixels)
    levels = "block4_add", "block10_add", "head_relu"
    model = detection.OneStageDetector(backbone, CLASSES, levels)
    images = np.random.default_rng(0).random((BATCH, 320, 320, 3), "float32")

    def detect():
        model.detect(images, score_threshold=1e-4)

    def predict():
        model.predict(images, verbose=0)

    what = "detect, suppression included"
    return row(what, "predict", BATCH, detect, predict, pairs)


def row(what, beside, images, ours, peer, pairs):
    """One row of the table."""
    measured = timing.compare(ours, peer, pairs)
    rate = round(1e3 * images / measured["ours_ms"], 1)
    found = {"what": what, "beside": beside, **measured, "images_s": rate}
    print(found, flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    pairs = parser.parse_args().pairs
    rows = [
        *beside_torch("DETR's transformer", *transformers(), pairs),
        *beside_torch("one-stage head", *heads(), pairs),
        *beside_torch("its convolutions", *heads(normalized=False), pairs),
        matching(pairs),
        detecting(pairs),
    ]
    backend = keras.backend.backend()
    information = timing.environment(
        backend, keras=keras.__version__, torch=torch.__version__
    )
    timing.write(RESULTS / f"detection_{backend}.json", rows, information)


if __name__ == "__main__":
    main()
