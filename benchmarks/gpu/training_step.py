"""The training step of VGG16_bn, with attention too, and EfficientNet-Lite0.

    bash benchmarks/gpu.sh --parts training_step    # at most 150 s, one card

SGD with momentum, cross-entropy, images on the card already, in bfloat16 with
weights in float32. A row is a network: milliseconds a step (median), images a
second, the share of the rate of a matrix product that was measured on the same
card, counting three forward passes a step, and the peak of memory. Ours runs
through `train_on_batch`, on PyTorch also with `jit_compile=True`; PyTorch
itself through autocast with channels last.
"""

import gc
import statistics
import time

import keras
import numpy as np
import timing

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import count_costs
from keras_attention import features

CLASSES = 1000
BATCHES = (256, 128, 64)  # the next if the card has too little memory
STEPS, SECONDS = 20, 2.0  # whichever ends first


def run(settings, add):
    """A row a network, the most wanted first."""
    side, width, batches = 224, 1, BATCHES
    if settings["dry"]:
        side, width, batches = 32, 1 / 16, (4,)
    for case in settings["cases"]:
        for batch in batches:
            try:
                row = measure(case, batch, side, width, settings)
            except Exception as error:
                if not is_out_of_memory(error) or batch == batches[-1]:
                    raise
            else:
                add(case=case, batch=batch, **row)
                break
            finally:
                free()


def measure(case, batch, side, width, settings):
    """Milliseconds a step and what follows from them."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, side, side, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, batch)
    if settings["backend"] == "native":
        from gpu import native

        try:
            module = native.network(case, CLASSES, width)
        except ImportError as error:
            return {"skipped": str(error)}
        step = native_step(module, images, labels, settings["compiled"])
        with keras.device("cpu"):
            model = model_of(case, side, width)
    else:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = model_of(case, side, width)
        step = keras_step(model, images, labels, settings.get("compiled"))
    first = timing.seconds(step)
    milliseconds, steps = timed(step, settings["dry"])
    # A peer is counted as ours, which computes the same.
    flops = 3 * batch * count_costs(model).total.flops
    tflops = 1e-9 * flops / milliseconds
    rate = settings.get("matrix_tflops")
    return {
        "ms": round(milliseconds, 3),
        "images_per_s": round(1e3 * batch / milliseconds),
        "tflops": round(tflops, 1),
        "share_of_matrix_rate": round(tflops / rate, 3) if rate else None,
        "first_s": round(first, 1),
        "peak_mb": peak_megabytes(settings["backend"]),
        "steps": steps,
    }


def timed(step, dry):
    """The median milliseconds, and of how many steps."""
    for _ in range(0 if dry else 2):
        step()
    times = []
    end = time.perf_counter() + (0 if dry else SECONDS)
    while not times or (len(times) < STEPS and time.perf_counter() < end):
        times.append(timing.seconds(step))
    return 1e3 * statistics.median(times), len(times)


def model_of(case, side, width):
    """Our network, and what its attention is."""
    options = {
        "input_shape": (side, side, 3),
        "classes": CLASSES,
        "width_multiplier": width,
    }
    if case == "lite0":
        del options["width_multiplier"]
        return features.EfficientNetLite0(
            weights=None, classifier_activation=None, **options
        )
    if case == "melanoma":
        return MelanomaAttentionVGG16BN(**options)
    attention = {} if case == "plain" else {"block3": case, "block4": case}
    return VGG16BNAttention(attention, classifier_activation=None, **options)


def keras_step(model, images, labels, compiled=None):
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # "auto" compiles on JAX, and nothing on PyTorch.
        jit_compile="auto" if compiled is None else compiled,
    )
    # On the card before the clock starts.
    x = keras.ops.convert_to_tensor(images)
    y = keras.ops.convert_to_tensor(labels, "int32")
    # It returns the loss as a number, which waits for the step.
    return lambda: model.train_on_batch(x, y)


def native_step(module, images, labels, compiled):
    import torch

    # Dynamo counts the networks before as other versions of this one.
    torch.compiler.reset()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    module.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(module.parameters(), 1e-3, momentum=0.9)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    y = torch.from_numpy(labels).to(device)
    network = torch.compile(module) if compiled else module

    def step():
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16):
            logits = network(x)
        loss = torch.nn.functional.cross_entropy(logits.float(), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def peak_megabytes(backend):
    """Of the device's memory since the last `free`; `None` if unknown."""
    if backend == "jax":
        # XLA's peak is that of the process: of the largest network so far.
        import jax

        found = jax.local_devices()[0].memory_stats() or {}
        peak = found.get("peak_bytes_in_use")
    else:
        import torch

        cuda = torch.cuda.is_available()
        peak = torch.cuda.max_memory_allocated() if cuda else None
    return peak and round(peak / 1e6)


def free():
    """Gives back what a network that is gone has held."""
    keras.utils.clear_session()
    gc.collect()
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def is_out_of_memory(error):
    text = f"{type(error).__name__} {error}".lower()
    return "out of memory" in text or "resource_exhausted" in text
