"""Hard attention: one position, and the gradient of a softmax."""

import keras
import numpy as np
import pytest

from keras_attention import alignments

pytestmark = pytest.mark.computing


def pick(scores, mask=None, **config):
    layer = alignments.get("hard", **config)
    scores = keras.ops.convert_to_tensor(scores, "float32")
    rows = keras.ops.reshape(scores, (1, 1, -1, scores.shape[-1]))
    weights = layer(rows, mask=mask)
    return keras.ops.convert_to_numpy(keras.ops.reshape(weights, scores.shape))


def train(alignment):
    """The scores after a step of SGD, started from the same ones."""
    scores = keras.layers.Dense(7, use_bias=False, name="scores")
    inputs = keras.Input((1, 1, 3))
    outputs = alignment(scores(inputs))
    # The loss is linear in the weights, so its gradient does not depend on
    # them; a second part of the model trains whatever the alignment does.
    other = keras.layers.Dense(7)(inputs)
    model = keras.Model(inputs, outputs + other)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    before = scores.get_weights()[0].copy()
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda direction, weights: keras.ops.sum(direction * weights),
    )
    model.train_on_batch(
        rng.normal(size=(4, 1, 1, 3)), rng.normal(size=(4, 1, 1, 7))
    )
    return before, scores.get_weights()[0]


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_gradient_is_that_of_the_softmax(temperature):
    config = {"temperature": temperature}
    _, hard = train(alignments.get("hard", **config))
    before, soft = train(alignments.get("softmax", **config))
    assert np.abs(soft - before).max() > 1e-2
    np.testing.assert_allclose(hard, soft, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_no_gradient_without_straight_through():
    layer = alignments.get("hard", straight_through=False)
    np.testing.assert_array_equal(*train(layer))


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@pytest.mark.parametrize("straight_through", [True, False])
@pytest.mark.parametrize(
    "row, mask, best",
    [
        ([1, 3, 2], None, 1),
        ([3, 1, 3], None, 0),
        ([0, 0, 0], None, 0),
        ([7], None, 0),
        ([9, 1, 2], [False, True, True], 2),
        ([9, 2, 2], [False, True, True], 1),
        ([np.nan, 1, 2], [False, True, True], 2),
        ([-np.inf, -np.inf, -np.inf], None, 0),
        ([0, -np.inf, -np.inf], [False, True, True], 1),
        ([-3e38, 3e38, 0], None, 1),
    ],
)
def test_one_position(straight_through, row, mask, best):
    mask = None if mask is None else np.array(mask)
    weights = pick([row], mask, straight_through=straight_through)
    np.testing.assert_array_equal(weights, np.eye(len(row))[[best]])


def test_picks_the_best_of_large_maps():
    scores = np.random.default_rng(0).normal(size=(2, 1, 3, 12544))
    weights = pick(scores)
    np.testing.assert_array_equal(weights.argmax(-1), scores.argmax(-1))
    np.testing.assert_array_equal(weights.sum(-1), 1)


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_bad_straight_through(value):
    with pytest.raises(ValueError, match="straight_through="):
        alignments.get("hard", straight_through=value)
