"""The learning rate against its closed form."""

import math

import keras
import numpy as np
import pytest

from keras_attention.tuning.trial.schedule import WarmUpSchedule
from keras_attention.tuning.trial.schedule import make_optimizer

DRAWN = {"learning_rate": 0.1, "weight_decay": 0.01}


@pytest.mark.computing
def test_is_the_recipe():
    schedule = WarmUpSchedule(3e-3, steps=80, warm_up=0.125)
    recipe = keras.optimizers.schedules.CosineDecay(
        0.0, 70, warmup_target=3e-3, warmup_steps=10
    )
    for step in (0, 1, 9, 10, 11, 45, 79, 80, 100):
        np.testing.assert_allclose(
            float(schedule(step)), float(recipe(step)), atol=1e-8
        )


@pytest.mark.computing
def test_without_warm_up_constant_and_continued():
    cosine = WarmUpSchedule(0.2, steps=10)
    assert float(cosine(0)) == pytest.approx(0.2)
    expected = 0.1 * (1 + math.cos(math.pi * 0.7))
    assert float(cosine(7)) == pytest.approx(expected)
    continued = WarmUpSchedule(0.2, steps=10, start=6)
    assert float(continued(1)) == pytest.approx(expected)
    constant = WarmUpSchedule(0.2, 10, 0.5, "constant")
    assert float(constant(1)) == pytest.approx(0.04)
    assert float(constant(9)) == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_optimizer_survives_its_config(name):
    schedule = WarmUpSchedule(0.1, 10, 0.2, "constant", 3)
    optimizer = make_optimizer({**DRAWN, "optimizer": name}, schedule)
    config = keras.optimizers.serialize(optimizer)
    again = keras.optimizers.deserialize(config)
    assert again.get_config() == optimizer.get_config()
    assert again.weight_decay == 0.01
    rate = make_optimizer({**DRAWN, "optimizer": name}).learning_rate
    assert float(rate) == pytest.approx(0.1)
