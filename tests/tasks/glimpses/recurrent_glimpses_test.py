"""A few glimpses: what is seen, who is trained by what, and saving."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_attention.models import ReinforceModel
from keras_attention.tasks import glimpses

SMALL = {
    "num_glimpses": 3,
    "patch_size": 4,
    "scales": (1, 2),
    "hidden_dim": 8,
    "units": 6,
    "seed": 0,
}
IMAGES = np.random.default_rng(0).random((5, 12, 16, 1), "float32")
LABELS = np.array([0, 1, 2, 1, 0])


def relu(x):
    return np.maximum(x, 0)


def by_hand(weights, images):
    """The equations of the class, a glimpse after the other."""
    halves = images.reshape(5, 6, 2, 8, 2, 1).mean((2, 4))
    place, state = np.zeros((5, 2)), np.zeros((5, 6))
    places = [place]
    for step in range(3):
        if step:
            hidden = relu(state @ weights["locator_hidden"])
            place = np.tanh(hidden @ weights["locator"])
            places.append(place)
        glimpse = np.zeros((5, 4, 4, 2))
        for channel, level in enumerate((images, halves)):
            sides = np.array(level.shape[1:3])
            first = np.floor((place + 1) / 2 * sides - 2 + 0.5).astype(int)
            padded = np.pad(level[..., 0], [(0, 0), (9, 9), (9, 9)])
            for n, (row, column) in enumerate(first + 9):
                patch = padded[n, row : row + 4, column : column + 4]
                glimpse[n, ..., channel] = patch
        what = relu(glimpse.reshape(5, -1) @ weights["pixels"])
        where = relu(place @ weights["place"]) @ weights["where"]
        g = relu(what @ weights["what"] + where)
        state = relu(g @ weights["core"] + state @ weights["memory"])
    return state, np.stack(places, axis=1)


def look_around(layer):
    """As if it had learned to: at first it looks at the middle."""
    kernel = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")
    layer.locator.kernel.assign(kernel)
    return kernel


@pytest.mark.computing
def test_outside_training_it_is_its_equations():
    layer = glimpses.RecurrentGlimpses(**SMALL)
    layer(IMAGES)
    kernels = {
        w.path.split("/")[-2]: ops.convert_to_numpy(w)
        for w in layer.weights
        if w.name == "kernel"
    }
    assert not kernels["locator"].any()
    kernels["locator"] = look_around(layer)
    kernels["memory"] = ops.convert_to_numpy(layer.core.recurrent_kernel)
    state, places = map(
        ops.convert_to_numpy, layer(IMAGES, return_locations=True)
    )
    expected = by_hand(kernels, IMAGES)
    np.testing.assert_allclose(places, expected[1], atol=1e-5)
    np.testing.assert_allclose(state, expected[0], atol=1e-5)
    assert np.abs(places[:, 1:]).min() > 1e-4


def model(learn_by, kind=ReinforceModel, **config):
    image = keras.Input((12, 16, 1))
    network = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(5, "relu")]
    )
    layer = glimpses.RecurrentGlimpses(
        **SMALL, glimpse_network=network, learn_by=learn_by, name="look"
    )
    made = kind(image, keras.layers.Dense(3)(layer(image)), **config)
    look_around(layer)
    made.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return made


def moved(made):
    """How far a step moves each weight of the layer."""
    layer = made.get_layer("look")
    before = layer.get_weights()
    made.train_on_batch(IMAGES, LABELS)
    pairs = zip(layer.weights, before, strict=True)
    return {w.path: ops.convert_to_numpy(w) - b for w, b in pairs}


def test_reinforce_trains_the_locator_and_nothing_else(eagerly):
    made = [model("reinforce", reinforce_weight=r) for r in (1.0, 1e-3)]
    made[1].set_weights(made[0].get_weights())
    strong, weak = map(moved, made)
    for (path, a), b in zip(strong.items(), weak.values(), strict=True):
        if "locator" in path:
            assert np.abs(a).max() > 100 * np.abs(b).max() > 0, path
        elif "seed" not in path:
            assert np.abs(a).max() > 0, path
            np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_crop_between_pixels_trains_the_locator_without(eagerly, tmp_path):
    made = model("gradient", kind=keras.Model)
    for path, change in moved(made).items():
        assert "seed" in path or np.abs(change).max() > 0, path
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(IMAGES)),
        ops.convert_to_numpy(made(IMAGES)),
        atol=1e-6,
    )


def test_draws_stay_near_and_need_somebody_who_learns_from_them(eagerly):
    layer = glimpses.RecurrentGlimpses(**SMALL, std=0.01)
    with pytest.raises(RuntimeError, match=r"RecurrentGlimpses .*Reinforce"):
        layer(IMAGES, training=True)
    with pytest.raises(RuntimeError, match="ReinforceModel"):
        model("reinforce", kind=keras.Model).train_on_batch(IMAGES, LABELS)
    with pytest.raises(ValueError, match="nothing is drawn"):
        model("gradient")


def test_bad_arguments():
    for config, words in [
        ({"patch_size": 13}, "fit in an image of 12 x 16 pixels"),
        ({"scales": (1, 13)}, "at most 12, the image's shorter side"),
        ({"scales": (0,)}, "scales"),
        ({"std": 0.0}, "std"),
        ({"learn_by": "luck"}, "one of 'reinforce', 'gradient'"),
    ]:
        with pytest.raises(ValueError, match=words):
            glimpses.RecurrentGlimpses(**SMALL | config)(IMAGES)
