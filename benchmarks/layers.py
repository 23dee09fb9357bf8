"""Every attention layer beside the same layer of timm or PyTorch.

    KERAS_BACKEND=tensorflow python benchmarks/layers.py
    KERAS_BACKEND=torch python benchmarks/layers.py --layers se eca

Forward pass and training step (gradients by the map and by all weights) at
three sizes, timed in turns with the peer in the same process; ratios below 1
mean that ours is faster. Needs PyTorch and `pip install --no-deps timm`.
Writes benchmarks/results/layers_<backend>.json and .md.

Layouts: Keras' maps are channels-last, as they come out of its convolutions;
timm's are channels-first, as they come out of PyTorch's.
"""

import argparse
import pathlib

import keras
import numpy as np
import peers
import steps
import timing
import torch

from keras_attention import layers

SHAPES = ((32, 14, 14, 512), (32, 28, 28, 256), (8, 56, 56, 128))
HEADS, UNITS, QUERIES = 4, 256, 4
FIRST, LAST = "channels_first", "channels_last"


def pairs(channels):
    """Per key: the peer's name, ours, the peer, its layout, the query."""
    mlp = max(1, channels // 16)
    return {
        "se": (
            "timm SEModule",
            lambda: layers.get("se", hidden_dim=mlp),
            lambda: peers.timm_layer(
                "squeeze_excite.SEModule", channels, rd_channels=mlp
            ),
            FIRST,
            None,
        ),
        "eca": (
            "timm EcaModule",
            lambda: layers.get("eca"),
            lambda: peers.timm_layer("eca.EcaModule", channels),
            FIRST,
            None,
        ),
        "cbam_channel": (
            "timm ChannelAttn",
            lambda: layers.get("cbam_channel", hidden_dim=mlp, use_bias=False),
            lambda: peers.timm_layer(
                "cbam.ChannelAttn", channels, rd_channels=mlp
            ),
            FIRST,
            None,
        ),
        "cbam_spatial": (
            "timm SpatialAttn",
            lambda: layers.get("cbam_spatial"),
            lambda: peers.timm_layer("cbam.SpatialAttn"),
            FIRST,
            None,
        ),
        "cbam": (
            "timm CbamModule",
            lambda: layers.get("cbam", hidden_dim=mlp, use_bias=False),
            lambda: peers.timm_layer(
                "cbam.CbamModule", channels, rd_channels=mlp
            ),
            FIRST,
            None,
        ),
        "nonlocal": (
            "timm NonLocalAttn",
            lambda: layers.get("nonlocal"),
            lambda: peers.timm_layer(
                "non_local_attn.NonLocalAttn", channels, rd_ratio=0.5
            ),
            FIRST,
            None,
        ),
        "mhsa": (
            "PyTorch scaled_dot_product_attention",
            lambda: layers.get("mhsa", num_heads=HEADS),
            lambda: peers.SelfAttention(channels, HEADS),
            LAST,
            None,
        ),
        "cross": (
            "PyTorch MultiheadAttention",
            lambda: layers.get("cross", num_heads=HEADS),
            lambda: peers.CrossAttention(channels, HEADS),
            LAST,
            (QUERIES, channels),
        ),
        "attn_pool": (
            "PyTorch, the same formula",
            lambda: layers.get("attn_pool", key_dim=UNITS),
            lambda: peers.AdditivePooling(channels, UNITS),
            LAST,
            None,
        ),
        "gate": (
            "PyTorch, the same formula",
            lambda: layers.get("gate", key_dim=UNITS),
            lambda: peers.Gate(channels, 512, UNITS),
            FIRST,
            (7, 7, 512),
        ),
    }


def measure(key, shape, count):
    """One row for the forward pass and one for the training step."""
    batch, *_, channels = shape
    name, ours, peer, layout, query_shape = pairs(channels)[key]
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("float32")]
    if query_shape:
        query = rng.normal(size=(batch, *query_shape)).astype("float32")
        arrays.append(query)
    layer = ours()
    layer(*arrays)
    module = peer().train()
    turned = arrays
    if layout == FIRST:
        turned = [
            np.ascontiguousarray(array.transpose(0, 3, 1, 2))
            for array in arrays
        ]
    functions = zip(
        steps.keras_steps(layer, *arrays),
        steps.torch_steps(module, *turned),
        strict=True,
    )
    for what, (mine, theirs) in zip(
        ("forward", "training step"), functions, strict=True
    ):
        module.train(what != "forward")
        row = {
            "layer": key,
            "peer": name,
            "map": "x".join(map(str, shape)),
            "what": what,
            **timing.compare(mine, theirs, count),
        }
        print(row, flush=True)
        yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", nargs="+", choices=sorted(pairs(64)))
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--largest", type=int, default=3136, help="positions")
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    rows = []
    for shape in SHAPES:
        if shape[1] * shape[2] > arguments.largest:
            continue
        for key in arguments.layers or pairs(64):
            rows += measure(key, shape, arguments.pairs)
    name = f"results/layers_{steps.BACKEND}.json"
    timing.write(
        arguments.output or pathlib.Path(__file__).parent / name,
        rows,
        timing.environment(
            steps.BACKEND, keras=keras.__version__, torch=torch.__version__
        ),
    )


if __name__ == "__main__":
    main()
