"""Every attention layer beside the same layer of timm or PyTorch, on the card.

    bash benchmarks/gpu.sh --parts beside_timm    # at most 60 s, one CUDA card

What `benchmarks/layers.py` measures, in bfloat16 and with maps that fill a
card: ours with weights and scores in float32 as always, the peers wholly in
bfloat16. Ratios below 1 mean that ours is faster.
"""

import keras
import layers

SHAPES = ((256, 14, 14, 512), (64, 28, 28, 256), (8, 56, 56, 128))
DRY_SHAPES = ((2, 4, 4, 32),)


def run(settings, add):
    """Two rows a layer and shape: forward pass and training step."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    keys = [*layers.pairs(64)]
    if settings["dry"]:
        keys = keys[:1] + keys[-1:]
    for shape in DRY_SHAPES if settings["dry"] else SHAPES:
        for key in keys:
            for row in layers.measure(key, shape, 3 if settings["dry"] else 21):
                add(**row)
