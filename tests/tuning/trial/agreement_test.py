"""One number for where a model looks, against the metric it is made of."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import AttentionExtractor
from keras_attention import layers
from keras_attention.metrics import attention_energy
from keras_attention.tuning.trial.training import mean_attention_energy


def make_model(*keys):
    x = inputs = keras.Input((8, 8, 4))
    for number, key in enumerate(keys):
        x = layers.get(key, name=f"a{number}")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def make_data(count=5):
    rng = np.random.default_rng(0)
    masks = np.zeros((count, 8, 8, 1), "uint8")
    for number in range(1, count):
        masks[number, :number, 2 : 3 + number] = 1
    images = rng.normal(size=(count, 8, 8, 4)).astype("float32")
    return {"image": images, "label": np.arange(count) % 2, "mask": masks}


@not_on_jax
def test_is_the_mean_over_layers_and_images():
    model, data = make_model("cbam_spatial", "se", "cbam_spatial"), make_data()
    _, weights = AttentionExtractor(model)(data["image"])
    energies = [
        attention_energy(
            keras.ops.convert_to_numpy(weights[name]), data["mask"]
        )
        for name in ("a0", "a2")
    ]
    # The first image has an empty mask.
    expected = np.mean(energies, axis=0)[1:].mean()
    for given in (
        data,
        [{k: v[i : i + 2] for k, v in data.items()} for i in (0, 2, 4)],
    ):
        found = mean_attention_energy(model, given, batch_size=2)
        assert found == pytest.approx(expected, rel=1e-5)
    known = np.array([True, True, False, False, True])
    found = mean_attention_energy(model, {**data, "has_mask": known})
    expected = np.mean(energies, axis=0)[[1, 4]].mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_no_map_or_no_object_has_no_number():
    assert mean_attention_energy(make_model("se"), make_data()) is None
    data = make_data(1)
    assert mean_attention_energy(make_model("cbam_spatial"), data) is None
