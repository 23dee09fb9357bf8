"""VGG16_bn with attention in plain PyTorch, as our networks have it."""

import importlib.util

import peers
import torch
from torch import nn

# Asked now: what stands in for `timm` once it is imported has no spec.
HAS_TIMM = importlib.util.find_spec("timm") is not None
BLOCKS = {
    "block1": (2, 64),
    "block2": (2, 128),
    "block3": (3, 256),
    "block4": (3, 512),
    "block5": (3, 512),
}


class VGG16BN(nn.Module):
    """Blocks, global average pooling and one layer.

    Args:
        classes: Number of classes.
        width: Share of the channels.
        inserted: Dictionary of block to a function of channels that makes a
            module; it follows the block.
        taps: The same; the module makes a vector of the block's map, the
            last map and its mean, which joins the classifier's input.
    """

    def __init__(self, classes, width=1, inserted=None, taps=None):
        super().__init__()
        self.blocks, self.taps = nn.ModuleDict(), nn.ModuleDict()
        channels, vectors = 3, 0
        for name, (count, filters) in BLOCKS.items():
            filters, modules = int(filters * width), []
            for _ in range(count):
                modules += [
                    nn.Conv2d(channels, filters, 3, padding=1),
                    nn.BatchNorm2d(filters),
                    nn.ReLU(inplace=True),
                ]
                channels = filters
            modules.append(nn.MaxPool2d(2))
            if name in (inserted or {}):
                modules.append(inserted[name](channels))
            if name in (taps or {}):
                self.taps[name] = taps[name](channels)
                vectors += channels
            self.blocks[name] = nn.Sequential(*modules)
        self.head = nn.Linear(channels + vectors, classes)

    def forward(self, x):
        """Images `(batch, 3, height, width)` to logits."""
        maps = {}
        for name, block in self.blocks.items():
            x = maps[name] = block(x)
        pooled = x.mean((2, 3))
        vectors = [
            tap(maps[name], x, pooled) for name, tap in self.taps.items()
        ]
        return self.head(torch.cat([pooled, *vectors], 1))


class AttentionPool(nn.Module):
    """Bahdanau's score of every position for the mean of the last map."""

    def __init__(self, channels, query_channels):
        super().__init__()
        self.key = nn.Linear(channels, channels, bias=False)
        self.query = nn.Linear(query_channels, channels)
        self.score = nn.Linear(channels, 1, bias=False)

    def forward(self, x, last, pooled):
        """`(batch, channels, height, width)` to `(batch, channels)`."""
        tokens = x.flatten(2).transpose(1, 2)
        hidden = torch.tanh(self.key(tokens) + self.query(pooled)[:, None])
        weights = self.score(hidden).float().softmax(1).to(tokens.dtype)
        return (weights.transpose(1, 2) @ tokens)[:, 0]


class GatedMean(nn.Module):
    """The melanoma network's gate, and the mean of what it lets through."""

    def __init__(self, channels, query_channels, units):
        super().__init__()
        self.gate = peers.Gate(channels, query_channels, units)

    def forward(self, x, last, pooled):
        """`(batch, channels, height, width)` to `(batch, channels)`."""
        return self.gate(x, last).mean((2, 3))


def network(case, classes, width):
    """The peer of a case of `training_step`; timm has parts of some."""
    if case == "lite0":
        if not HAS_TIMM:
            raise ImportError("timm is not installed")
        return peers.timm_model("tf_efficientnet_lite0", num_classes=classes)
    deepest = int(512 * width)
    inserted, taps = None, None
    if case == "attn_pool":
        taps = _in_both(lambda channels: AttentionPool(channels, deepest))
    elif case == "melanoma":
        units = max(1, int(256 * width))
        taps = _in_both(lambda c: GatedMean(c, deepest, units))
    elif case != "plain":
        if not HAS_TIMM:
            raise ImportError("timm is not installed")
        name = {"se": "squeeze_excite.SEModule", "cbam": "cbam.CbamModule"}[
            case
        ]
        inserted = _in_both(
            lambda c: peers.timm_layer(name, c, rd_channels=max(1, c // 16))
        )
    return VGG16BN(classes, width, inserted, taps)


def _in_both(make):
    return {"block3": make, "block4": make}
