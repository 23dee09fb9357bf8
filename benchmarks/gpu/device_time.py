"""Where the time of Keras on PyTorch goes: on the card, or before it.

    bash benchmarks/gpu.sh --parts device_time    # at most 30 s, one CUDA card

What PyTorch's profiler says of one call, in bfloat16: of layers beside timm's,
the milliseconds that the card works beside those that the call takes (the rest
is Python and launching); of a training step of VGG16_bn, the operations that
keep the card busy longest.
"""

import keras
import layers
import numpy as np
import steps
import timing

from gpu.training_step import free
from gpu.training_step import keras_step
from gpu.training_step import model_of
from gpu.training_step import native_step

KEYS = ("se", "cbam_channel", "cbam_spatial", "nonlocal")
SHAPE, BATCH, SIDE, OPERATIONS = (256, 14, 14, 512), 64, 224, 10


def run(settings, add):
    """Rows of `what`, `of`, `operation`, `calls`, `card_ms` and `ms`."""
    from gpu import native

    keras.config.set_dtype_policy("mixed_bfloat16")
    dry = settings["dry"]
    shape, side, width = SHAPE, SIDE, 1
    if dry:
        shape, side, width = (2, 4, 4, 32), 32, 1 / 16
    for key in KEYS[:1] if dry else KEYS:
        for name, step in both(key, shape):
            add(what=f"{key}, training step", **summary(name, step))
    batch = 2 if dry else BATCH
    images = np.random.default_rng(0).normal(size=(batch, side, side, 3))
    images, labels = images.astype("float32"), np.arange(batch)
    step = keras_step(model_of("plain", side, width), images, labels)
    whole(add, "Keras", step)
    free()
    module = native.network("plain", 1000, width)
    whole(add, "PyTorch", native_step(module, images, labels, False))


def both(key, shape):
    """Our training step of a layer and its peer's, of `layers`."""
    name, ours, peer, layout, _ = layers.pairs(shape[-1])[key]
    features = np.random.default_rng(0).normal(size=shape).astype("float32")
    yield "Keras", steps.keras_steps(ours(), features)[1]
    if layout == layers.FIRST:
        features = np.ascontiguousarray(features.transpose(0, 3, 1, 2))
    yield name, steps.torch_steps(peer(), features)[1]


def summary(name, step):
    """One row: how long the card works, and how long the call takes."""
    events = profiled(step)
    return {
        "of": name,
        "operation": "all",
        "calls": sum(event.count for event in events),
        "card_ms": round(sum(map(card_ms, events)), 3),
        "ms": round(1e3 * min(timing.seconds(step) for _ in range(10)), 3),
    }


def whole(add, name, step):
    """The operations of a network's step that take longest, and all."""
    what = f"VGG16_bn, batch {BATCH}, training step"
    events = profiled(step)
    add(what=what, **summary(name, step))
    for event in sorted(events, key=card_ms, reverse=True)[:OPERATIONS]:
        add(
            what=what,
            of=name,
            operation=event.key,
            calls=event.count,
            card_ms=round(card_ms(event), 3),
        )


def profiled(step):
    """The operations of one call that launched something, and how long."""
    import torch

    for _ in range(3):
        step()
    with torch.profiler.profile() as profile:
        step()
        steps.wait()
    # Kernels are listed too, beside the operations that launched them.
    cpu = torch.autograd.DeviceType.CPU
    return [
        event
        for event in profile.key_averages()
        if event.device_type == cpu and card_ms(event)
    ]


def on_card():
    import torch

    return torch.cuda.is_available()


def card_ms(event):
    """Without what the operation called in turn."""
    return 1e-3 * (
        event.self_device_time_total if on_card() else event.self_cpu_time_total
    )
