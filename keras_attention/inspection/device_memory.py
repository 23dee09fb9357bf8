"""How much memory the device has that Keras computes on."""

import os

import keras


def device_memory():
    """Bytes of memory of the device that Keras puts tensors on.

    For a processor that is the machine's physical memory, whatever other
    programs or a container leave of it.

    Returns:
        An integer, or `None` where it cannot be told: under TensorFlow on
        anything but a processor, and on systems without `sysconf`.
    """
    device = keras.ops.zeros(()).device
    if "cpu" in str(device).lower():
        if not hasattr(os, "sysconf"):
            return None
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if keras.backend.backend() == "jax":
        return (device.memory_stats() or {}).get("bytes_limit")
    if keras.backend.backend() == "torch" and device.type == "cuda":
        import torch

        return torch.cuda.get_device_properties(device).total_memory
    return None
