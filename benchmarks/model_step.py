"""VGG16_bn with and without attention beside PyTorch's own VGG16_bn.

    KERAS_BACKEND=tensorflow python benchmarks/model_step.py
    KERAS_BACKEND=torch python benchmarks/model_step.py --batch 16

Training steps (SGD with momentum, cross-entropy) and inference of the whole
network, in turns in one process; ratios below 1 mean that ours is faster. The
last rows compare the melanoma network with the same network whose two gates
are left out: what the gates cost. Needs PyTorch. Writes
benchmarks/results/model_step_<backend>.json and .md.
"""

# isort: off
# PyTorch's optimizers load its compiler, which crashes after TensorFlow's.
import torch
import torch._dynamo

# isort: on
import argparse
import pathlib

import keras
import numpy as np
import peers
import steps
import timing

from keras_attention.models import MelanomaAttentionVGG16BN
from keras_attention.models import VGG16BNAttention

SIZE, CLASSES = 32, 10
GATED_SIZE, GATED_BATCH = 224, 2


def keras_functions(model, images, labels):
    """`(inference, training step)` through Keras' own compiled functions."""
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return (
        lambda: model.predict_on_batch(images),
        lambda: model.train_on_batch(images, labels),
    )


def torch_functions(module, images, labels):
    """The same in plain PyTorch, eager, channels first."""
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    y = torch.from_numpy(labels)
    optimizer = torch.optim.SGD(module.parameters(), 1e-3, momentum=0.9)

    def infer():
        module.eval()
        with torch.no_grad():
            return module(x).numpy()

    def train():
        module.train()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return infer, train


def data(batch, size, classes):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, size, size, 3)).astype("float32")
    return images, rng.integers(0, classes, batch)


def vgg(attention, size, classes):
    return VGG16BNAttention(
        attention,
        input_shape=(size, size, 3),
        classes=classes,
        classifier_activation=None,
    )


def measure(name, peer_name, ours, theirs, pairs):
    for what, mine, other in zip(
        ("inference", "training step"), ours, theirs, strict=True
    ):
        row = {
            "model": name,
            "peer": peer_name,
            "what": what,
            **timing.compare(mine, other, pairs),
        }
        print(row, flush=True)
        yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=timing.PAIRS)
    parser.add_argument("--output", help="JSON file; default: see above")
    arguments = parser.parse_args()

    rows = []
    sample = data(arguments.batch, SIZE, CLASSES)
    theirs = torch_functions(peers.vgg16_bn(CLASSES), *sample)
    settings = {
        "plain": None,
        "attn_pool at block 3, 4": {
            "block3": "attn_pool",
            "block4": "attn_pool",
        },
        "se in block 3, 4": {"block3": "se", "block4": "se"},
        "cbam in block 3, 4": {"block3": "cbam", "block4": "cbam"},
    }
    for name, attention in settings.items():
        ours = keras_functions(vgg(attention, SIZE, CLASSES), *sample)
        title = f"VGG16_bn {SIZE}x{SIZE}, {name}"
        rows += measure(
            title, "PyTorch VGG16_bn", ours, theirs, arguments.pairs
        )

    sample = data(GATED_BATCH, GATED_SIZE, 2)
    melanoma = MelanomaAttentionVGG16BN(
        input_shape=(GATED_SIZE, GATED_SIZE, 3), classes=2
    )
    uniform = keras.layers.GlobalAveragePooling2D
    same = vgg({"block3": uniform(), "block4": uniform()}, GATED_SIZE, 2)
    rows += measure(
        f"melanoma {GATED_SIZE}x{GATED_SIZE}",
        "ours without the gates",
        keras_functions(melanoma, *sample),
        keras_functions(same, *sample),
        arguments.pairs,
    )
    name = f"results/model_step_{steps.BACKEND}.json"
    timing.write(
        arguments.output or pathlib.Path(__file__).parent / name,
        rows,
        timing.environment(
            steps.BACKEND,
            keras=keras.__version__,
            torch=torch.__version__,
        ),
    )


if __name__ == "__main__":
    main()
