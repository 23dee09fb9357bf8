"""Scores and alignments: beside other packages, and as maps grow.

    KERAS_BACKEND=torch python benchmarks/axes.py
    KERAS_BACKEND=tensorflow python benchmarks/axes.py
    python benchmarks/axes.py --memory

Beside the `entmax` package (rows of 784 scores) and `torch_struct` (chains of
4,096 positions), in turns in the same process; ratios below 1 mean that ours
is faster. Then every key alone, from 7 x 7 to 112 x 112 positions, in
milliseconds. With `--memory`, by how much the additive score raises the peak
of a fresh process, with one query and with one at every position. Needs
PyTorch and `pip install --no-deps entmax torch-struct`.

Writes benchmarks/results/axes_<backend>.json and .md (peers),
axes_growth_<backend>.json and .png, and axes_memory.json and .md.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys

import keras
import numpy as np
import steps
import timing
import torch
from matplotlib.figure import Figure

from keras_attention import alignments
from keras_attention import scores

RESULTS = pathlib.Path(__file__).parent / "results"
ROWS, POSITIONS = 256, 784
CHAIN = (32, 4096)
SIDES = (7, 14, 28, 56, 112)
BATCH, CHANNELS, KEY_DIM = 8, 64, 32
REPEATS = 7


class Aligned(keras.layers.Layer):
    """An alignment with all that it may ask for beside the scores."""

    def __init__(self, alignment, grid, query):
        super().__init__(autocast=False)
        self.alignment, self.grid, self.query = alignment, grid, query

    def build(self, scores_shape):
        """As a layer around it would."""
        channels = (scores_shape[0], scores_shape[-1], CHANNELS)
        self.alignment.build_inside(scores_shape, self.query.shape, channels)

    def call(self, e):
        """The weights."""
        extra = {}
        if self.alignment.needs_grid:
            extra["grid_shape"] = self.grid
        if self.alignment.needs_query:
            extra["query"] = self.query
        return self.alignment(e, **extra)

    def compute_output_shape(self, scores_shape):
        """That of the scores."""
        return scores_shape


class Peer(torch.nn.Module):
    """A function of another package, as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, e):
        """The weights."""
        return self.function(e)


def peers():
    """Rows of ours, its settings, the peer's name, the peer, the scores."""
    import entmax
    import torch_struct

    flat = np.random.default_rng(0).normal(size=(ROWS, 1, 1, POSITIONS))
    chain = np.random.default_rng(0).normal(size=(CHAIN[0], 1, 1, CHAIN[1]))

    def chain_marginals(e):
        # Edges [n, to, from]: the unary of what they lead to, and the first.
        unary = torch.stack([torch.zeros_like(e), e], -1)[:, 0, 0]
        edges = unary[:, 1:, :, None].expand(-1, -1, 2, 2).clone()
        edges[:, 0] = edges[:, 0] + unary[:, 0, None, :]
        # Its marginals are gradients themselves.
        with torch.enable_grad():
            marginals = torch_struct.LinearChainCRF(edges).marginals
        first = marginals[:, :1, :, 1].sum(2)
        return torch.cat([first, marginals[:, :, 1].sum(-1)], 1)

    return [
        ("sparsemax", {}, "entmax.sparsemax", entmax.sparsemax, flat),
        ("entmax15", {}, "entmax.entmax15", entmax.entmax15, flat),
        (
            "entmax",
            {"alpha": 1.33},
            "entmax.entmax_bisect",
            lambda e: entmax.entmax_bisect(e, alpha=1.33),
            flat,
        ),
        ("chain_crf", {}, "torch_struct", chain_marginals, chain),
    ]


def beside_peers():
    """Every row of the table: forward pass and training step."""
    rows = []
    for key, config, name, function, array in peers():
        array = array.astype("float32")
        layer = Aligned(
            alignments.get(key, **config), None, np.zeros((1, 1, 1))
        )
        layer(array)
        ours = steps.keras_steps(layer, array)
        theirs = steps.torch_steps(Peer(function), array)
        for what, a, b in zip(
            ("forward", "training step"), ours, theirs, strict=True
        ):
            row = {"alignment": key, "peer": name, "what": what}
            row["scores"] = "x".join(map(str, array.shape))
            rows.append({**row, **timing.compare(a, b)})
            print(rows[-1], flush=True)
    return rows


def growth():
    """Milliseconds of the forward pass of every key, by positions."""
    found = {"scores": {}, "alignments": {}}
    rng = np.random.default_rng(0)
    for side in SIDES:
        positions = side * side
        query = rng.normal(size=(BATCH, 1, CHANNELS)).astype("float32")
        tokens = rng.normal(size=(BATCH, positions, CHANNELS))
        for key in scores.available():
            layer = scores.get(key, key_dim=KEY_DIM)
            run, _ = steps.keras_steps(layer, query, tokens.astype("float32"))
            found["scores"].setdefault(key, {})[positions] = milliseconds(run)
        e = np.abs(rng.normal(size=(BATCH, 1, 1, positions))).astype("float32")
        for key in alignments.available():
            layer = Aligned(alignments.get(key), (side, side), query)
            run, _ = steps.keras_steps(layer, e)
            found["alignments"].setdefault(key, {})[positions] = milliseconds(
                run
            )
        print(positions, flush=True)
    return found


def milliseconds(run):
    run()
    times = [timing.seconds(run) for _ in range(REPEATS)]
    return round(1e3 * statistics.median(times), 3)


def growth_figure(found):
    """Two panels of lines on logarithmic axes."""
    figure = Figure(figsize=(11, 5), dpi=150, layout="constrained")
    for axes, (axis, keys) in zip(
        figure.subplots(1, 2, sharey=True), found.items(), strict=True
    ):
        ends = []
        for key, values in keys.items():
            (line,) = axes.loglog(values.keys(), values.values(), marker=".")
            ends.append((list(values.values())[-1], key, line.get_color()))
        axes.set_xlabel("positions")
        axes.set_title(axis, loc="left")
        axes.set_xlim(SIDES[0] ** 2 / 1.2, SIDES[-1] ** 2 * 6)
        axes.spines[["top", "right"]].set_visible(False)
        ends.sort()
        heights = apart([np.log10(value) for value, _, _ in ends])
        for height, (_, key, colour) in zip(heights, ends, strict=True):
            x, y = SIDES[-1] ** 2 * 1.15, 10**height
            axes.text(x, y, key, color=colour, fontsize=8, va="center")
    figure.axes[0].set_ylabel(f"forward pass of {BATCH} maps, ms")
    return figure


def apart(heights, gap=0.09):
    """Sorted heights, moved as little as it takes not to touch."""
    heights = np.array(heights)
    for _ in range(1000):
        missing = np.maximum(gap - np.diff(heights), 0)
        heights[1:] += missing / 2
        heights[:-1] -= missing / 2
    return heights


def memory():
    """Rows of the peak of fresh processes."""
    rows = []
    for queries, side in (("one", 56), ("one", 112), ("all", 28), ("all", 56)):
        command = [sys.executable, __file__, "--peak", queries, str(side)]
        run = subprocess.run(
            command, check=True, capture_output=True, text=True
        )
        n, megabytes = side * side, float(run.stdout.split()[-1])
        count = 1 if queries == "one" else n
        rows.append(
            {
                "score": "additive",
                "positions": n,
                "queries": count,
                "peak_megabytes": round(megabytes, 1),
                "positions_x_units": round(4e-6 * n * KEY_DIM, 1),
                "queries_x_positions": round(4e-6 * n * count, 1),
                "queries_x_positions_x_units": round(
                    4e-6 * n * count * KEY_DIM, 1
                ),
            }
        )
        print(rows[-1], flush=True)
    return rows


def peak(queries, side):
    """The growth of this process's peak by one forward pass and gradient."""
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(1, side * side, CHANNELS)).astype("float32")
    query = tokens if queries == "all" else tokens[:, :1]
    layer = scores.get("additive", key_dim=KEY_DIM)
    # What the backend itself needs once is not the score's.
    _, step = steps.keras_steps(layer, tokens[:, :1], tokens[:, :4])
    step()
    _, step = steps.keras_steps(layer, query, tokens)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((after - before) * 1024 / 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", action="store_true", help="that alone")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    backend = keras.backend.backend()
    information = timing.environment(
        backend, keras=keras.__version__, torch=torch.__version__
    )
    if arguments.peak:
        peak(arguments.peak[0], int(arguments.peak[1]))
        return
    if arguments.memory:
        timing.write(RESULTS / "axes_memory.json", memory(), information)
        return
    timing.write(RESULTS / f"axes_{backend}.json", beside_peers(), information)
    found = growth()
    path = RESULTS / f"axes_growth_{backend}.json"
    text = json.dumps(
        {"milliseconds": found, "batch": BATCH, "environment": information},
        indent=2,
    )
    path.write_text(text + "\n")
    growth_figure(found).savefig(path.with_suffix(".png"))
    print(f"Written to {path} and .png")


if __name__ == "__main__":
    main()
