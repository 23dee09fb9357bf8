"""Writes `convolutional.npz`: what timm computes, with all weights random.

    python tests/oracles/make_convolutional.py

Made with Python 3.11, torch 2.13.0 and timm 1.0.31. Every case holds
`<case>/features`, `<case>/outputs`, and one array a weight under the path of
the Keras layer's variable, all in Keras' layouts. `_trained` cases hold the
outputs in training and the moving statistics after that one call.
"""

import importlib
import pathlib

import numpy as np
import torch
from timm_layers import import_timm_layers

timm_layers = import_timm_layers()
cbam = importlib.import_module("timm.layers.cbam")

# The place of a weight in timm's layers and in Keras'.
BOTTLENECK = {
    "fc1.weight": "squeeze/kernel",
    "fc1.bias": "squeeze/bias",
    "fc2.weight": "excite/kernel",
    "fc2.bias": "excite/bias",
}
SPATIAL = {
    "conv.conv.weight": "conv/kernel",
    "conv.bn.weight": "batch_normalization/gamma",
    "conv.bn.bias": "batch_normalization/beta",
    "conv.bn.running_mean": "batch_normalization/moving_mean",
    "conv.bn.running_var": "batch_normalization/moving_variance",
}
CBAM = {
    f"{half}.{torch_name}": f"{half}/{keras_name}"
    for half, names in (("channel", BOTTLENECK), ("spatial", SPATIAL))
    for torch_name, keras_name in names.items()
}
CASES = {
    "eca": (
        timm_layers.EcaModule(channels=128),
        {"conv.weight": "conv/kernel"},
    ),
    "eca_circular": (
        timm_layers.CecaModule(channels=128),
        {"conv.weight": "conv/kernel"},
    ),
    "se": (timm_layers.SEModule(12, rd_channels=5), BOTTLENECK),
    "cbam_channel": (
        cbam.ChannelAttn(12, rd_channels=5, mlp_bias=True),
        BOTTLENECK,
    ),
    "cbam_spatial": (cbam.SpatialAttn(), SPATIAL),
    "cbam": (cbam.CbamModule(12, rd_ratio=1 / 4), CBAM),
    "cbam_trained": (
        cbam.CbamModule(
            12, rd_channels=5, spatial_kernel_size=3, mlp_bias=True
        ),
        CBAM,
    ),
}


def randomise(module, generator):
    """No weight keeps a value that would hide that it is not used."""
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator)
            is_variance = name.endswith("running_var")
            value.copy_(0.5 + noise.abs() if is_variance else 0.7 * noise)


def to_keras(tensor):
    """Kernels with outputs last, dense ones as matrices."""
    array = tensor.numpy().astype("float32")
    if array.ndim == 3:  # (out, in, size)
        return array.transpose(2, 1, 0)
    if array.ndim == 4 and array.shape[2:] == (1, 1):
        return array[:, :, 0, 0].T
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def weights_of(module, names, prefix):
    return {
        f"{prefix}/{names[name]}": to_keras(value.clone())
        for name, value in module.state_dict().items()
        if name in names
    }


@torch.no_grad()
def main():
    generator = torch.Generator().manual_seed(0)
    arrays = {}
    for case, (module, names) in CASES.items():
        randomise(module, generator)
        training = case.endswith("_trained")
        module.train(training)
        channels = 128 if case.startswith("eca") else 12
        size = (2, 3) if case.startswith("eca") else (5, 4)
        x = torch.randn((2, channels, *size), generator=generator)
        arrays |= weights_of(module, names, case)
        y = module(x)
        arrays[f"{case}/features"] = x.permute(0, 2, 3, 1).numpy()
        arrays[f"{case}/outputs"] = y.permute(0, 2, 3, 1).numpy()
        if training:
            after = weights_of(module, names, f"{case}/after")
            moving = {k: v for k, v in after.items() if "/moving_" in k}
            assert len(moving) == 2
            arrays |= moving
    path = pathlib.Path(__file__).with_name("convolutional.npz")
    np.savez_compressed(path, **arrays)
    print(path.stat().st_size, "bytes")
    for name, array in arrays.items():
        print(name, array.dtype, array.shape)


if __name__ == "__main__":
    main()
