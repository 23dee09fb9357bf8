import keras
import numpy as np
import pytest

from keras_attention.datasets.sampling import balanced_order
from keras_attention.datasets.sampling import class_weights


def random_labels(seed):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 6))
    counts = rng.integers(1, 40, classes)
    return rng.permutation(np.repeat(np.arange(classes), counts))


@pytest.mark.parametrize("seed", range(10))
def test_classes_differ_by_one_draw_at_most(seed):
    labels = random_labels(seed)
    drawn = np.zeros(len(labels), int)
    for epoch in range(7):
        order = balanced_order(labels, seed, epoch)
        assert order.shape == labels.shape and order.dtype == np.int64
        per_class = np.bincount(labels[order])
        assert per_class.max() - per_class.min() <= 1
        drawn += np.bincount(order, minlength=len(labels))
        # Over all epochs so far, too, and within each class.
        over_all = np.bincount(labels, weights=drawn)
        assert over_all.max() - over_all.min() <= 1
        for label in range(labels.max() + 1):
            assert np.ptp(drawn[labels == label]) <= 1


def test_the_order_is_one_of_seed_and_epoch_alone():
    labels = random_labels(3)
    keras.utils.set_random_seed(1)
    orders = [balanced_order(labels, 0, epoch).tolist() for epoch in range(3)]
    keras.utils.set_random_seed(2)
    # In any order of asking, as a resumed training does.
    for epoch in (2, 0, 1):
        assert balanced_order(labels, 0, epoch).tolist() == orders[epoch]
    assert orders[0] != orders[1] != orders[2]
    assert balanced_order(labels, 1, 0).tolist() != orders[0]


def test_classes_are_mixed_within_an_epoch():
    labels = np.repeat([0, 1], [900, 100])
    halves = np.split(labels[balanced_order(labels, 0, 0)], 2)
    for half in halves:
        assert 0.4 < half.mean() < 0.6


def test_members_are_drawn_in_random_order_anew_each_deal():
    labels = np.array([0] * 90 + [1] * 10)
    order = balanced_order(labels, 0, 0)
    rare = order[labels[order] == 1].reshape(-1)
    assert np.bincount(rare - 90).tolist() == [5] * 10
    common = order[labels[order] == 0]
    assert len(set(common)) == 50
    assert common.max() > 60


def test_one_example_among_many_takes_no_time():
    labels = np.r_[np.zeros(200_000, int), 1]
    drawn = labels[balanced_order(labels, 0, 5)]
    assert abs(int(drawn.sum()) - 100_000) <= 1


def test_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = random_labels(0)
    expected = compute_class_weight(
        "balanced", classes=np.arange(labels.max() + 1), y=labels
    )
    weights = class_weights(labels)
    assert list(weights) == list(range(labels.max() + 1))
    np.testing.assert_allclose(list(weights.values()), expected)
    np.testing.assert_allclose(np.mean([weights[i] for i in labels]), 1)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros((4, 2), int), "multi-label"),
        (np.zeros(4), "expected integers"),
        (np.array(["a"]), "expected integers"),
        (np.array([0, -1, 1, -2]), r"\[-1, -2\] in rows \[1, 3\]"),
        (np.array([0, 1, 7]), r"0 to 2. Received: \[7\] in rows \[2\]"),
        (np.array([0, 2, 2]), r"none of \[1\]"),
        (np.zeros(0, int), "at least one label"),
    ],
)
def test_bad_labels(labels, message):
    classes = 3 if labels.size and labels.dtype == int else None
    if labels.ndim == 2:
        classes = None
    with pytest.raises(ValueError, match=message):
        class_weights(labels, classes)
    with pytest.raises(ValueError, match=message):
        balanced_order(labels, 0, 0, classes)


def test_bad_numbers():
    labels = np.array([0, 1])
    for name in ("seed", "epoch"):
        arguments = {"seed": 0, "epoch": 0, name: -1}
        with pytest.raises(ValueError, match=f"argument {name}:"):
            balanced_order(labels, **arguments)
    with pytest.raises(ValueError, match="argument classes:"):
        class_weights(labels, classes=0)
