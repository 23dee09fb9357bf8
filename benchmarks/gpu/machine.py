"""The card, the versions, and how fast it multiplies and copies.

Shares of a rate are shares of the rate measured here, in the same minutes,
not of a data sheet's.
"""

import datetime
import importlib.metadata
import importlib.util
import os
import subprocess

import timing

PACKAGES = (
    *("keras", "jax", "jaxlib", "torch", "triton", "timm", "keras-tuner"),
    *("numpy", "scikit-learn", "h5py"),
)


def run(settings, add):
    """One row: the environment of the report."""
    row = {
        **timing.environment(None),
        "card": None,
        "date": datetime.date.today().isoformat(),
        "versions": versions(),
    }
    del row["backend"]
    if importlib.util.find_spec("torch") and settings["on_card"]:
        row.update(card())
    add(**row)
    if row["card"]:
        add(**rates())


def versions():
    """Of every package that is there."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def card():
    """Its name, memory and driver."""
    import torch

    if not torch.cuda.is_available():
        return {}
    properties = torch.cuda.get_device_properties(0)
    return {
        "card": properties.name,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "driver": driver(),
    }


def driver():
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=20, env=os.environ
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.split()
    return lines[-1] if lines else None


def rates(size=8192, repeats=20):
    """Of a product of bfloat16 matrices and of a copy, random data."""
    import torch

    a, b = torch.randn(2, size, size, device="cuda", dtype=torch.bfloat16)
    product = _seconds(lambda: a @ b, repeats)
    source = torch.randn(2**29, device="cuda")
    target = torch.empty_like(source)
    copy = _seconds(lambda: target.copy_(source), repeats)
    return {
        "matrix_tflops": round(2e-12 * size**3 / product, 1),
        "copy_tb_per_s": round(2e-12 * source.nbytes / copy, 3),
    }


def _seconds(function, repeats):
    """The mean of a row of calls, after some to settle."""
    import torch

    for _ in range(5):
        function()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        function()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3 / repeats
