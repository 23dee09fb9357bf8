import numpy as np
import pytest

# (torchvision's index of the convolution, filters) of vgg16_bn.
CONVOLUTIONS = (
    *((0, 64), (3, 64)),
    *((7, 128), (10, 128)),
    *((14, 256), (17, 256), (20, 256)),
    *((24, 512), (27, 512), (30, 512)),
    *((34, 512), (37, 512), (40, 512)),
)


@pytest.fixture(scope="session")
def make_state():
    """Makes a state dictionary of vgg16_bn as torchvision lays it out."""

    def make(width=1 / 16, positions=1, classes=10, channels=3, top=True):
        rng = np.random.default_rng(0)

        def normal(scale, *shape):
            return rng.normal(0.0, scale, shape).astype("float32")

        def uniform(*shape):
            return rng.uniform(0.5, 1.5, shape).astype("float32")

        state = {}
        inputs = channels
        for index, filters in CONVOLUTIONS:
            filters = int(filters * width)
            conv, norm = f"features.{index}", f"features.{index + 1}"
            scale = (2 / (9 * inputs)) ** 0.5
            state[f"{conv}.weight"] = normal(scale, filters, inputs, 3, 3)
            state[f"{conv}.bias"] = normal(0.1, filters)
            state[f"{norm}.weight"] = uniform(filters)
            state[f"{norm}.bias"] = normal(0.1, filters)
            state[f"{norm}.running_mean"] = normal(0.1, filters)
            state[f"{norm}.running_var"] = uniform(filters)
            state[f"{norm}.num_batches_tracked"] = np.array(7)
            inputs = filters
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
