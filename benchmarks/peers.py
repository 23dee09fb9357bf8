"""The peers: PyTorch's own modules and timm's layers."""

import importlib
import itertools
import pathlib
import sys
from unittest import mock

import numpy as np
import torch
from torch import nn
from torch.nn import functional

ORACLES = pathlib.Path(__file__).parent.parent / "tests" / "oracles"
sys.path.insert(0, str(ORACLES))
from timm_layers import import_timm_layers  # noqa: E402


def vgg16_bn(classes=10, width=1.0):
    """VGG16_bn in plain PyTorch, with global average pooling and one layer."""
    layers, channels = [], 3
    for count, filters in zip(
        (2, 2, 3, 3, 3), (64, 128, 256, 512, 512), strict=True
    ):
        filters = int(filters * width)
        for _ in range(count):
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1),
                nn.BatchNorm2d(filters),
                nn.ReLU(inplace=True),
            ]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers, *head)


def with_weights_of(model, network):
    """A PyTorch network with the weights of a Keras one, layer after layer."""
    ours = [layer for layer in model.layers if layer.weights]
    theirs = [m for m in network if [*m.parameters()]]
    for layer, module in zip(ours, theirs, strict=True):
        values = layer.get_weights()
        names = ("weight", "bias", "running_mean", "running_var")
        if values[0].ndim > 1:  # (..., inputs, outputs)
            values[0] = np.moveaxis(values[0], (-1, -2), (0, 1))
        for name, value in zip(names, values, strict=False):
            getattr(module, name).data = torch.tensor(value)
        if isinstance(module, nn.BatchNorm2d):
            module.eps = layer.epsilon
    return network.eval()


class SelfAttention(nn.Module):
    """Multi-head self-attention with PyTorch's fused product."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, x):
        """`(batch, height, width, channels)`, attended to in tokens."""
        batch, height, width, channels = x.shape
        qkv = self.qkv(x.reshape(batch, height * width, channels))
        qkv = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        context = functional.scaled_dot_product_attention(*qkv)
        context = context.transpose(1, 2).reshape(batch, -1, channels)
        return self.output(context).reshape(batch, height, width, channels)


class CrossAttention(nn.Module):
    """`nn.MultiheadAttention` of some queries over the positions of a map."""

    def __init__(self, channels, heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(
            channels, heads, batch_first=True
        )

    def forward(self, x, query):
        """A map `(batch, height, width, channels)` and its queries."""
        tokens = x.flatten(1, 2)
        return self.attention(query, tokens, tokens, need_weights=False)[0]


class AdditivePooling(nn.Module):
    """Bahdanau's score with a learned query, softmax, weighted sum."""

    def __init__(self, channels, units):
        super().__init__()
        self.key = nn.Linear(channels, units, bias=False)
        self.query = nn.Linear(channels, units)
        self.score = nn.Linear(units, 1, bias=False)
        self.learned = nn.Parameter(torch.randn(1, 1, channels))

    def forward(self, x):
        """Pools `(batch, height, width, channels)` to `(batch, channels)`."""
        tokens = x.flatten(1, 2)
        hidden = torch.tanh(self.key(tokens) + self.query(self.learned))
        weights = self.score(hidden).softmax(1)
        return (weights * tokens).sum(1)


class Gate(nn.Module):
    """The melanoma network's gate, channels first."""

    def __init__(self, channels, query_channels, units):
        super().__init__()
        self.key = nn.Conv2d(channels, units, 1, bias=False)
        self.query = nn.Conv2d(query_channels, units, 1)
        self.score = nn.Conv2d(units, 1, 1)

    def forward(self, x, query):
        """Gates `x` by a deeper map, resized to its size."""
        query = functional.interpolate(
            self.query(query), x.shape[2:], mode="bilinear"
        )
        return x * torch.sigmoid(self.score(torch.relu(self.key(x) + query)))


class GridGate(nn.Module):
    """Attention U-Net's gate: windows of 2 x 2, and a convolution behind it."""

    def __init__(self, channels, query_channels):
        super().__init__()
        self.key = nn.Conv2d(channels, channels, 2, 2, bias=False)
        self.query = nn.Conv2d(query_channels, channels, 1)
        self.score = nn.Conv2d(channels, 1, 1)
        self.output = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x, query):
        """Gates `x` by a deeper map, resized to its windows."""
        key = self.key(x)
        query = _resized(self.query(query), key)
        weights = torch.sigmoid(self.score(torch.relu(key + query)))
        return self.output(_resized(weights, x) * x)


class AttentionUNet(nn.Module):
    """Attention U-Net of images, channels first, with gates or without."""

    def __init__(self, channels, classes, filters, gates=True):
        super().__init__()
        widths = [channels, *filters]
        self.encoder = nn.ModuleList(
            _block(before, after, 2)
            for before, after in zip(widths, filters, strict=False)
        )
        self.decoder = nn.ModuleList(
            _block(large + small, large, 2)
            for large, small in itertools.pairwise(filters)
        )
        gated = filters[1:-1] if gates else ()
        self.signal = _block(filters[-1], filters[-1], 1, 1) if gates else None
        self.gates = nn.ModuleList(
            GridGate(large, small)
            for large, small in zip(gated, filters[2:], strict=False)
        )
        self.gated = nn.ModuleList(_block(f, f, 1, 1) for f in gated)
        self.logits = nn.Conv2d(filters[0], classes, 1)

    def forward(self, x):
        """`(batch, channels, height, width)` to a score for every class."""
        skips = []
        for block in self.encoder:
            x = block(functional.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        *skips, x = skips
        signal = self.signal(x) if self.gates else None
        for level in reversed(range(len(skips))):
            skip = skips[level]
            if level and self.gates:
                skip = self.gates[level - 1](skip, signal)
                skip = self.gated[level - 1](skip)
            x = torch.cat([skip, _resized(x, skip)], 1)
            x = signal = self.decoder[level](x)
        return self.logits(x)


def _block(before, after, convolutions, side=3):
    layers = []
    for _ in range(convolutions):
        layers += [
            nn.Conv2d(before, after, side, padding=side // 2),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
        before = after
    return nn.Sequential(*layers)


def _resized(x, like):
    return functional.interpolate(x, like.shape[2:], mode="bilinear")


def timm_layer(name, *arguments, **options):
    """A layer of `timm.layers`, imported without torchvision."""
    if "timm" not in sys.modules:
        import_timm_layers()
    module, _, name = name.rpartition(".")
    layers = importlib.import_module(f"timm.layers.{module}")
    return getattr(layers, name)(*arguments, **options)


def timm_model(name, **options):
    """A network of timm, with empty stand-ins for torchvision if it lacks."""
    stand_in_for_torchvision()
    timm = importlib.import_module("timm")
    return timm.create_model(name, **options)


def stand_in_for_torchvision():
    """Empty modules for what is imported of it and not used, if it lacks."""
    if "torchvision" in sys.modules or importlib.util.find_spec("torchvision"):
        return
    for module in _OF_TORCHVISION:
        path = f"torchvision.{module}".rstrip(".")
        sys.modules[path] = mock.MagicMock()


# What timm imports while it is imported, and no network of it uses.
_OF_TORCHVISION = (
    "",
    "datasets",
    "models.feature_extraction",
    "ops",
    "ops.misc",
    "transforms",
    "transforms.functional",
)
