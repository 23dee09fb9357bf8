import numpy as np
import pytest

BLOCKS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}


def torchvision_layers(architecture):
    """torchvision's `features` as (kind, index, filters), poolings too."""
    depth, _, normalized = architecture.partition("_")
    kinds = ("conv", "bn", "relu") if normalized else ("conv", "relu")
    layers = []
    for count, filters in zip(
        BLOCKS[depth], (64, 128, 256, 512, 512), strict=True
    ):
        for kind in (*kinds * count, "pool"):
            layers.append((kind, len(layers), filters))
    return layers


@pytest.fixture(scope="session")
def make_state():
    """Makes a state dictionary of a VGG as torchvision lays it out."""

    def make(
        width=1 / 16,
        positions=1,
        classes=10,
        channels=3,
        top=True,
        architecture="vgg16_bn",
    ):
        rng = np.random.default_rng(0)

        def normal(scale, *shape):
            return rng.normal(0.0, scale, shape).astype("float32")

        def uniform(*shape):
            return rng.uniform(0.5, 1.5, shape).astype("float32")

        state = {}
        inputs = channels
        for kind, index, filters in torchvision_layers(architecture):
            filters, name = int(filters * width), f"features.{index}"
            if kind == "conv":
                scale = (2 / (9 * inputs)) ** 0.5
                state[f"{name}.weight"] = normal(scale, filters, inputs, 3, 3)
                state[f"{name}.bias"] = normal(0.1, filters)
                inputs = filters
            elif kind == "bn":
                state[f"{name}.weight"] = uniform(filters)
                state[f"{name}.bias"] = normal(0.1, filters)
                state[f"{name}.running_mean"] = normal(0.1, filters)
                state[f"{name}.running_var"] = uniform(filters)
                state[f"{name}.num_batches_tracked"] = np.array(7)
        units = int(4096 * width)
        inputs = inputs * positions
        for index, outputs in ((0, units), (3, units), (6, classes)):
            if top:
                name = f"classifier.{index}"
                scale = (2 / inputs) ** 0.5
                state[f"{name}.weight"] = normal(scale, outputs, inputs)
                state[f"{name}.bias"] = normal(0.1, outputs)
                inputs = outputs
        return state

    return make


@pytest.fixture(scope="session")
def layers_of():
    """`torchvision_layers`, for the tests."""
    return torchvision_layers
