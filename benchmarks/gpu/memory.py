"""Peak memory and time of self-attention as its map grows.

    bash benchmarks/gpu.sh --parts memory    # at most 60 s, one CUDA card

Forward pass and training step of `mhsa` and `nonlocal`, from 14x14 to 112x112
positions, in bfloat16. The peak on JAX is what XLA has planned: arguments,
results and all between. On PyTorch it is what the allocator has seen, less
what was there before. A map that does not fit is a row that says so.
"""

import statistics

import keras
import numpy as np
import steps
import timing

from gpu.training_step import free
from gpu.training_step import is_out_of_memory
from keras_attention import layers

SIDES = (14, 28, 56, 112)
BATCH, CHANNELS, HEADS = 2, 256, 4
REPEATS = 10


def run(settings, add):
    """Two rows a layer and side."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    measure = {"jax": on_jax, "torch": on_torch}[settings["backend"]]
    makers = {
        "mhsa": lambda: layers.get("mhsa", num_heads=HEADS, max_positions=None),
        "nonlocal": lambda: layers.get("nonlocal", max_positions=None),
    }
    rng = np.random.default_rng(0)
    # All layers at one size, then the next: what is slow comes last.
    for side in (4,) if settings["dry"] else SIDES:
        shape = (BATCH, side, side, CHANNELS)
        features = rng.normal(size=shape).astype("float32")
        for key, make in makers.items():
            row = {"layer": key, "side": side, "positions": side**2}
            try:
                for what, found in measure(make(), features):
                    add(**row, what=what, **found)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                add(**row, what="out of memory", ms=None, peak_mb=None)
            finally:
                free()


def on_jax(layer, features):
    """What a function does and its numbers, one by one."""
    functions = steps.jax_functions(layer, features)
    for what, (function, arguments) in zip(WHAT, functions, strict=True):
        compiled = function.lower(*arguments).compile()
        sizes = compiled.memory_analysis()
        peak = sum(
            getattr(sizes, f"{name}_size_in_bytes")
            for name in ("argument", "output", "temp")
        )
        yield what, numbers(waited(compiled, arguments), peak)


def waited(function, arguments):
    import jax

    return lambda: jax.block_until_ready(function(*arguments))


def on_torch(layer, features):
    """The same."""
    import torch

    cuda = torch.cuda.is_available()
    functions = steps.keras_steps(layer, features)
    for what, function in zip(WHAT, functions, strict=True):
        if cuda:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        function()
        peak = torch.cuda.max_memory_allocated() - before if cuda else None
        yield what, numbers(function, peak)


WHAT = ("forward", "training step")


def numbers(function, peak):
    function()
    times = [timing.seconds(function) for _ in range(REPEATS)]
    return {
        "ms": round(1e3 * statistics.median(times), 3),
        "peak_mb": peak and round(peak / 1e6, 1),
    }
