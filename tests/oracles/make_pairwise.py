"""Makes `pairwise.npz`: PyTorch's and timm's attention between positions.

Run `python tests/oracles/make_pairwise.py` in the environment of
`timm_layers.py` (torch 2.13.0, timm 1.0.31). Every weight and statistic is
random and none is 0 or 1; all is in evaluation mode, float32, channels first
as PyTorch has it.
"""

import pathlib

import numpy as np
import torch
from timm_layers import import_timm_layers

PATH = pathlib.Path(__file__).with_name("pairwise.npz")


def randomize(module):
    """Draws all parameters and running statistics."""
    module.eval()
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif tensor.is_floating_point():
                tensor.normal_(std=0.5)
    return module


def entries(prefix, module, **tensors):
    """`{prefix.name: array}` of a module's state and of tensors."""
    state = {f"state.{key}": x for key, x in module.state_dict().items()}
    return {
        f"{prefix}.{key}": tensor.detach().numpy()
        for key, tensor in {**state, **tensors}.items()
    }


def multi_head(prefix, query_dim, channels, is_self):
    """`nn.MultiheadAttention` over the 12 positions of a 3x4 map."""
    attention = randomize(
        torch.nn.MultiheadAttention(
            query_dim, 2, kdim=channels, vdim=channels, batch_first=True
        )
    )
    features = torch.randn(3, 12, channels)
    query = features if is_self else torch.randn(3, 5, query_dim)
    mask = torch.rand(3, 12) < 0.6
    mask[:, 0] = True
    outputs, weights = attention(
        query, features, features, average_attn_weights=False
    )
    masked_outputs, masked_weights = attention(
        query,
        features,
        features,
        key_padding_mask=~mask,
        average_attn_weights=False,
    )
    return entries(
        prefix,
        attention,
        features=features,
        query=query,
        mask=mask,
        outputs=outputs,
        weights=weights,
        masked_outputs=masked_outputs,
        masked_weights=masked_weights,
    )


def main():
    """Writes the file."""
    torch.manual_seed(0)
    timm = import_timm_layers()
    arrays = multi_head("self", 8, 8, is_self=True)
    arrays |= multi_head("cross", 8, 6, is_self=False)
    features = torch.randn(2, 16, 5, 4)
    block = randomize(timm.NonLocalAttn(16, rd_channels=6))
    arrays |= entries(
        "nonlocal", block, features=features, outputs=block(features)
    )
    for scaled in (False, True):
        attention = randomize(
            timm.bottleneck_attn.BottleneckAttn(
                16,
                feat_size=(5, 4),
                num_heads=2,
                dim_head=6,
                scale_pos_embed=scaled,
            )
        )
        arrays |= entries(
            f"bottleneck_{'scaled' if scaled else 'unscaled'}",
            attention,
            features=features,
            outputs=attention(features),
        )
    np.savez_compressed(PATH, **arrays)


if __name__ == "__main__":
    main()
