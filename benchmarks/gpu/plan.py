"""The six parts, the most wanted first, and what each may take.

Importing and compiling cost more than measuring. So a process measures many
things, Keras on PyTorch and eager PyTorch, which compile nothing, do all at
once, and where XLA or Inductor compiles for half a minute a network, the
networks that are wanted less wait for what time is left.
"""

from gpu.protocol import Part
from gpu.protocol import Run

# Of the whole, installing included; the rest of nine minutes to end it.
SECONDS = 535
FIRST, THEN = ["plain", "attn_pool"], ["se", "cbam", "melanoma"]


def machine():
    return Run("machine", "gpu.machine", {"backend": "native"}, 30)


def parts(dry=False):
    """The list of `Part`."""
    return [
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
            tuple(_training_steps(dry)),
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


def _keras(backend, module, seconds, needs=(), **settings):
    name = {"jax": "Keras on JAX", "torch": "Keras on PyTorch"}[backend]
    settings = {"backend": backend, **settings}
    return Run(name, f"gpu.{module}", settings, seconds, (backend, *needs))


def _training_steps(dry):
    """Every framework's first two networks, then the others'."""
    jax, torch = (
        lambda cases, seconds, backend=backend: _keras(
            backend, "training_step", seconds, cases=cases
        )
        for backend in ("jax", "torch")
    )

    def native(cases, seconds, compiled):
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

    if dry:
        # One network tells whether it runs; XLA is slow on processors.
        yield jax(["attn_pool"], 60)
    else:
        yield jax(FIRST, 60)
    yield torch(FIRST + THEN, 30)
    yield native(FIRST + THEN, 20, compiled=False)
    yield native(FIRST, 40, compiled=True)
    if not dry:
        yield jax(THEN, 0)
        yield native(THEN, 0, compiled=True)
