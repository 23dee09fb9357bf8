"""The parts, the most wanted first, and what each may take.

Importing and compiling cost more than measuring, so a process measures many
things. XLA and Inductor compile for half a minute a network: the networks that
are wanted less come last, in what time the parts before them left.
"""

import dataclasses

from gpu.protocol import Part
from gpu.protocol import Run

# Of the whole, installing included; the rest of nine minutes to end it.
SECONDS = 535
FIRST, THEN = ["plain", "attn_pool"], ["se", "cbam", "melanoma"]


def machine():
    return Run("machine", "gpu.machine", {"backend": "native"}, 30)


def parts(dry=False):
    """The list of `Part`; a dry run does nothing twice."""
    found = [
        Part(
            "parity",
            "Layers, alignments and networks: the card against the processor",
            90,
            (
                _keras("torch", "parity", 30),
                _keras("jax", "parity", 60),
            ),
        ),
        Part(
            "training_step",
            "Training step of VGG16_bn, 224x224, bfloat16",
            150,
            tuple(_training_steps(FIRST, (70, 20, 15, 45), dry)),
        ),
        Part(
            "beside_timm",
            "Layers beside timm's, bfloat16",
            60,
            (
                _keras("torch", "beside_timm", 25, ("timm",)),
                _keras("jax", "beside_timm", 35, ("torch", "timm")),
            ),
        ),
        Part(
            "memory",
            "mhsa and nonlocal as maps grow, bfloat16",
            60,
            (
                _keras("torch", "memory", 25),
                _keras("jax", "memory", 35),
            ),
        ),
        Part(
            "search",
            "A search of four trials, CIFAR-10, JPEG copy",
            60,
            (_keras("torch", "search_of_four", 60, ("keras_tuner",)),),
        ),
        Part(
            "cifar",
            "VGG16_bn at full width on CIFAR-10, JPEG copy",
            90,
            (_keras("torch", "cifar", 90),),
        ),
    ]
    if not dry:
        found.append(
            Part(
                "more_steps",
                "Training step of the other networks, in the time left",
                150,
                (
                    *_training_steps(THEN, (70, 20, 15, 45)),
                    _keras(
                        "torch", "training_step", 0, cases=FIRST, compiled=True
                    ),
                ),
            )
        )
        found.append(
            Part(
                "lite0",
                "Training step of EfficientNet-Lite0, 224x224, bfloat16",
                220,
                tuple(_training_steps(["lite0"], (90, 40, 30, 60))),
            )
        )
    found.append(
        Part(
            "device_time",
            "Where the time of Keras on PyTorch goes, bfloat16",
            30,
            (_keras("torch", "device_time", 30, ("timm",)),),
        )
    )
    return found


def chosen(parts, seconds, runs=None):
    """Some parts and processes of them.

    Args:
        parts: All, as `parts` gives them.
        seconds: Dictionary of the name of a part that is wanted to its limit,
            `None` for its own.
        runs: Names of the processes that are wanted; `None` for all.
    """
    for part in parts:
        kept = tuple(r for r in part.runs if runs is None or r.name in runs)
        if part.name in seconds and kept:
            limit = seconds[part.name] or part.seconds
            yield dataclasses.replace(part, seconds=limit, runs=kept)


def _keras(backend, module, seconds, needs=(), **settings):
    name = {"jax": "Keras on JAX", "torch": "Keras on PyTorch"}[backend]
    if settings.get("compiled"):
        name += ", compiled"
    settings = {"backend": backend, **settings}
    return Run(name, f"gpu.{module}", settings, seconds, (backend, *needs))


def _training_steps(cases, seconds, dry=False):
    """Keras on both backends and PyTorch, eager and compiled."""

    def keras(backend, seconds):
        # One network tells whether it runs; XLA is slow on processors.
        chosen = cases[:1] if dry and backend == "jax" else cases
        return _keras(backend, "training_step", seconds, cases=chosen)

    def native(compiled, seconds):
        name = f"PyTorch, {'compiled' if compiled else 'eager'}"
        settings = {"backend": "native", "compiled": compiled, "cases": cases}
        skip = "Inductor takes too long for a dry run" if compiled else None
        return Run(
            name,
            "gpu.training_step",
            settings,
            seconds,
            ("torch",),
            skip if dry else None,
        )

    on_jax, on_torch, eager, compiled = seconds
    yield keras("jax", on_jax)
    yield keras("torch", on_torch)
    yield native(False, eager)
    yield native(True, compiled)
