"""The learning rate against its closed form."""

import math

import keras
import keras_tuner
import numpy as np
import pytest

from keras_attention.tuning.space.optimizers import optimizer_classes
from keras_attention.tuning.trial.schedule import WarmUpSchedule
from keras_attention.tuning.trial.schedule import check_callbacks
from keras_attention.tuning.trial.schedule import is_drawn
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


@pytest.mark.parametrize("name", optimizer_classes())
def test_every_optimizer_is_made_and_survives_its_config(name):
    optimizer = make_optimizer({**DRAWN, "optimizer": name})
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    assert optimizer.weight_decay == 0.01
    optimizer.learning_rate = WarmUpSchedule(0.1, 10, 0.2, "constant", 3)
    config = keras.optimizers.serialize(optimizer)
    again = keras.optimizers.deserialize(config)
    assert again.get_config() == optimizer.get_config()


def test_an_optimizer_is_known_until_somebody_changes_it():
    optimizer = make_optimizer({**DRAWN, "optimizer": "lion"})
    assert is_drawn(optimizer)
    assert is_drawn(keras.optimizers.LossScaleOptimizer(optimizer))
    optimizer.learning_rate = 0.2
    assert not is_drawn(optimizer)
    assert not is_drawn(keras.optimizers.Lion(0.1))


def test_a_callback_that_sets_the_rate():
    plateau = keras.callbacks.ReduceLROnPlateau()
    constant = {"schedule": ["constant"], "warm_up": [0.0]}
    check_callbacks([plateau], constant)
    check_callbacks(None, {})
    for choices in (
        {**constant, "schedule": ["constant", "cosine"]},
        {**constant, "warm_up": (0.0, 0.2)},
    ):
        check_callbacks([keras.callbacks.EarlyStopping()], choices)
        with pytest.raises(keras_tuner.errors.FatalError, match="Leave it out"):
            check_callbacks([plateau], choices)
