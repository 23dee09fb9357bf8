"""All classes together count as much, whatever their number of images."""

import numpy as np
import pytest

from keras_attention.losses import FocalLoss
from keras_attention.losses import balanced_alpha

RNG = np.random.default_rng(0)
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2])
SEVERAL = np.array([[1, 0], [0, 0], [1, 1], [1, 0], [1, 0]])


def mean_of_means(losses, groups):
    """Of each class its mean, of all classes the mean."""
    return np.mean([losses[groups == group].mean() for group in set(groups)])


@pytest.mark.computing
@pytest.mark.parametrize("one_hot", [False, True])
def test_exclusive_classes(one_hot):
    logits = RNG.normal(size=(8, 3))
    losses = np.log(np.exp(logits).sum(-1)) - logits[np.arange(8), LABELS]
    loss = FocalLoss(0, balanced_alpha(np.bincount(LABELS)))
    labels = np.eye(3)[LABELS] if one_hot else LABELS
    expected = mean_of_means(losses, LABELS)
    assert float(loss(labels, logits)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.computing
@pytest.mark.parametrize("classes", [1, 2])
def test_any_number_of_classes(classes):
    logits, labels = RNG.normal(size=(5, classes)), SEVERAL[:, :classes]
    losses = np.log1p(np.exp(np.where(labels, -logits, logits)))
    alpha = balanced_alpha(labels.sum(0), images=5)
    loss = FocalLoss(0, alpha, multi_label=True)
    expected = np.mean(
        [mean_of_means(losses[:, k], labels[:, k]) for k in range(classes)]
    )
    given = labels[:, 0] if classes == 1 else labels
    assert float(loss(given, logits)) == pytest.approx(expected, rel=1e-5)
    again = FocalLoss.from_config(loss.get_config())
    assert float(again(given, logits)) == float(loss(given, logits))


def test_effective_numbers_lie_between():
    counts = np.array([1000, 10])
    none, all_ = balanced_alpha(counts, beta=0.0), balanced_alpha(counts)
    some = balanced_alpha(counts, beta=0.99)
    assert none == [1.0, 1.0]
    assert 1 < some[1] < all_[1]
    effective = (1 - 0.99**counts) / 0.01
    assert some[1] / some[0] == pytest.approx(effective[0] / effective[1])
    for weights in (none, some, all_):
        assert np.average(weights, weights=counts) == pytest.approx(1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"counts": [3, 0]},
        {"counts": []},
        {"counts": 3},
        {"counts": [[1, 2]]},
        {"counts": [3, float("nan")]},
        {"counts": [3, 5], "images": 5},
        {"counts": [3], "images": 0},
        {"counts": [3], "beta": 1.0},
    ],
)
def test_bad_input(arguments):
    name = next(n for n in ("beta", "images", "counts") if n in arguments)
    name = "counts" if arguments.get("images") == 5 else name
    with pytest.raises(ValueError, match=f"argument {name}"):
        balanced_alpha(**arguments)
