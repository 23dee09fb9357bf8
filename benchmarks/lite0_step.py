"""EfficientNet-Lite0 beside timm's, in PyTorch.

    KERAS_BACKEND=tensorflow python benchmarks/lite0_step.py

Inference and training step (SGD with momentum, cross-entropy) of the whole
network at 224 x 224 pixels, in turns in one process; ratios below 1 mean that
ours is faster. Needs PyTorch and `pip install --no-deps timm`. Writes
benchmarks/results/lite0_step_<backend>.json and .md.
"""

# isort: off
# PyTorch's optimizers load its compiler, which crashes after TensorFlow's.
import torch
import torch._dynamo

# isort: on
import argparse
import pathlib

import keras
import model_step
import peers
import steps
import timing

from keras_attention import EfficientNetLite0

SIZE, CLASSES = 224, 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()
    sample = model_step.data(arguments.batch, SIZE, CLASSES)
    ours = EfficientNetLite0(classifier_activation=None)
    rows = model_step.measure(
        f"EfficientNet-Lite0, batch {arguments.batch}",
        "timm tf_efficientnet_lite0",
        model_step.keras_functions(ours, *sample),
        model_step.torch_functions(
            peers.timm_model("tf_efficientnet_lite0"), *sample
        ),
        arguments.pairs,
    )
    name = f"results/lite0_step_{steps.BACKEND}.json"
    timing.write(
        arguments.output or pathlib.Path(__file__).parent / name,
        list(rows),
        timing.environment(
            steps.BACKEND, keras=keras.__version__, torch=torch.__version__
        ),
    )


if __name__ == "__main__":
    main()
