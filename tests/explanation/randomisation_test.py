"""Maps of a model that forgets, which afterwards knows all it has known."""

import itertools

import keras
import numpy as np
import pytest

from keras_attention.explanation import grad_cam
from keras_attention.explanation import randomisation_check
from keras_attention.explanation import saliency
from keras_attention.explanation.blind_maps import blind_maps
from keras_attention.layers import SqueezeAndExcite2D

IMAGES = np.random.default_rng(0).random((4, 8, 8, 3)).astype("float32")


def edges(model, images, target):
    """An edge detector: whatever the model has learned."""
    return blind_maps(images, [images[..., 0]])["(edges)"]


@pytest.fixture(scope="module")
def model():
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")(
        inputs
    )
    x = layers.BatchNormalization(name="normalized")(x)
    x = SqueezeAndExcite2D(reduction_ratio=2, name="gate")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="second")(x)
    x = layers.Dropout(0.5)(x)
    outputs = layers.Dense(3, name="classes")(layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    model.compile(run_eagerly=True)
    for weight in model.get_layer("normalized").weights:
        weight.assign(np.random.default_rng(1).uniform(0.5, 1.5, weight.shape))
    return model


def values(model):
    return [keras.ops.convert_to_numpy(x.value) for x in model.variables]


@pytest.mark.computing
def test_gradients_pass_and_edges_fail(model):
    before = values(model)
    passed = randomisation_check(model, IMAGES, saliency, repeats=100)
    assert passed.passed and "Passed" in str(passed)
    failed = randomisation_check(model, IMAGES, edges, repeats=20)
    assert not failed.passed and "Failed" in failed._repr_html_()
    for row in failed.rows:
        np.testing.assert_allclose(row["correlation"], 1)
    for kept, found in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(kept, found)


def test_layers_forget_from_the_top_down(model):
    """One after the other, those before still random, all to the same."""
    states = []

    def remember(model, images, target):
        states.append(values(model))
        return np.random.default_rng(len(states)).random((4, 5))

    # Without the state of the dropout, which is no number.
    weights = [x.path.split("/") for x in model.variables]
    check = randomisation_check(model, IMAGES, remember, repeats=20)
    order = [row["layer"] for row in check.rows]
    assert order == [
        *("classes", "second", "gate/excite", "gate/squeeze"),
        *("normalized", "first"),
    ]
    assert [row["randomised"] for row in check.rows] == [1, 2, 3, 4, 5, 6]
    for depth, (last, state) in enumerate(itertools.pairwise(states)):
        layer = order[depth].split("/")[-1]
        for path, one, other in zip(weights, last, state, strict=True):
            changed = (one != other).any()
            if layer not in path:
                assert not changed, (path, depth)
            elif one.size > 1 and one.std() > 0:
                assert changed, (path, depth)
            np.testing.assert_array_equal(
                np.sort(one, axis=None), np.sort(other, axis=None)
            )
    check = randomisation_check(model, IMAGES, remember, steps=2, repeats=20)
    assert [row["randomised"] for row in check.rows] == [3, 6]
    assert check.rows[1]["layer"] == "first" and check.settings["steps"] == 2


def test_weights_come_back_after_an_exception(model):
    before = values(model)
    calls = []

    def fails(model, images, target):
        calls.append(values(model))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return images[..., 0]

    with pytest.raises(KeyboardInterrupt):
        randomisation_check(model, IMAGES, fails, repeats=20)
    assert any(
        (kept != lost).any()
        for kept, lost in zip(before, calls[2], strict=True)
    )
    for kept, found in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(kept, found)


def test_maps_without_an_order_do_not_pass(model):
    check = randomisation_check(
        model, IMAGES, lambda *_: np.ones((4, 2, 2)), steps=1, repeats=20
    )
    assert check.rows[0]["correlation"] is None
    assert not check.passed and "same everywhere" in str(check)


def test_what_was_predicted_stays_explained(model):
    targets = []

    def method(model, images, target):
        targets.append(target)
        return images[..., 0]

    randomisation_check(model, IMAGES, method, steps=3, repeats=20)
    expected = keras.ops.convert_to_numpy(model(IMAGES)).argmax(1)
    np.testing.assert_array_equal(targets, [expected] * 4)


def test_rank_correlation_is_that_of_scipy():
    from scipy import stats

    from keras_attention.explanation.randomisation import _rank_correlation

    random = np.random.default_rng(0)
    maps, others = random.integers(0, 5, (2, 3, 30))
    maps[2] = 1
    found = _rank_correlation(maps, others)
    for index in (0, 1):
        expected = stats.spearmanr(maps[index], others[index]).statistic
        np.testing.assert_allclose(found[index], expected)
    assert np.isnan(found[2])


def test_models_of_half_precision_and_without_weights():
    dense = keras.layers.Dense(3, dtype="float16")
    flat = keras.Sequential([keras.layers.Flatten(), dense])
    flat(IMAGES)
    before = values(flat)
    check = randomisation_check(flat, IMAGES, edges, repeats=20)
    assert check.rows[0]["layer"] == dense.name
    for kept, found in zip(before, values(flat), strict=True):
        np.testing.assert_array_equal(kept, found)
    with pytest.raises(ValueError, match="no weights"):
        randomisation_check(
            keras.Sequential([keras.layers.GlobalMaxPooling2D()]), IMAGES, edges
        )


@pytest.mark.long
def test_grad_cam_of_a_trained_model_passes():
    """Which corner is bright: the map finds it, and then does not."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 256)
    images = random.uniform(0, 0.5, (256, 16, 16, 1)).astype("float32")
    images[labels == 0, 2:6, 2:6, 0] += 0.5
    images[labels == 1, 9:13, 9:13, 0] += 0.5
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(8, 3, activation="relu", name="maps"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(images, labels, epochs=8, verbose=0)
    assert model.evaluate(images, labels, verbose=0)[1] > 0.95
    for method in (grad_cam, saliency):
        check = randomisation_check(model, images[:24], method, repeats=200)
        assert check.passed, str(check)
    assert not randomisation_check(model, images[:24], edges).passed
