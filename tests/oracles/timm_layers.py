"""timm's layers without torchvision, whose wheels lag behind PyTorch's.

`import timm` imports its detection operators through torchvision. The layers
that serve as oracles need none of it, so a stand-in for that one import is
enough. The fixtures beside this file were made in an environment with
`pip install torch==2.13.0 timm==1.0.31 entmax==1.3 numpy`; tests only read
them, so that they need neither PyTorch nor timm.
"""

import importlib.util
import pathlib
import sys
import types

import torch


def import_timm_layers():
    """Returns the package `timm.layers`."""
    operators = types.ModuleType("torchvision.ops.misc")
    operators.FrozenBatchNorm2d = torch.nn.BatchNorm2d
    for name in ("torchvision", "torchvision.ops"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchvision.ops.misc"] = operators
    # The package itself would import every model; its folder is enough.
    package = types.ModuleType("timm")
    origin = importlib.util.find_spec("timm").origin
    package.__path__ = [str(pathlib.Path(origin).parent)]
    sys.modules["timm"] = package
    return importlib.import_module("timm.layers")
