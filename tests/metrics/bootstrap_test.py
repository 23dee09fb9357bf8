import warnings

import numpy as np
import pytest

from keras_attention.metrics import bootstrap_interval
from keras_attention.metrics import roc_auc


def test_the_interval_holds_the_mean_as_often_as_it_says():
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(200, 40))
    bounds = [bootstrap_interval(np.mean, s, repeats=200) for s in samples]
    held = np.mean([low < 0 < high for low, high in bounds])
    assert 0.87 < held < 0.99


def test_the_interval_of_a_mean_is_that_of_its_normal_distribution():
    sample = np.random.default_rng(1).normal(3, 2, size=400)
    found = bootstrap_interval(np.mean, sample, level=0.9, repeats=4000)
    half = 1.645 * sample.std() / np.sqrt(400)
    expected = (sample.mean() - half, sample.mean() + half)
    assert found == pytest.approx(expected, abs=0.05 * half)


def test_several_arrays_are_drawn_together():
    generator = np.random.default_rng(2)
    labels = generator.integers(2, size=60)
    scores = labels + generator.normal(size=60)
    found = bootstrap_interval(roc_auc, labels, scores, repeats=100)
    draws = np.random.default_rng(0).integers(60, size=(100, 60))
    areas = [roc_auc(labels[draw], scores[draw]) for draw in draws]
    assert found == pytest.approx(np.quantile(areas, [0.025, 0.975]))


def test_groups_are_drawn_whole():
    means = np.random.default_rng(3).normal(size=30)
    # As if each patient had one image, whatever the order of the images.
    order = np.random.default_rng(4).permutation(90)
    images = np.repeat(means, 3)[order]
    patients = np.array([f"p{number:02}" for number in range(30)])
    grouped = bootstrap_interval(
        np.mean, images, groups=patients.repeat(3)[order], repeats=300
    )
    assert grouped == pytest.approx(
        bootstrap_interval(np.mean, means, repeats=300)
    )
    alone = bootstrap_interval(np.mean, images, repeats=300)
    # Three images of one patient tell no more than one.
    ratio = (grouped[1] - grouped[0]) / (alone[1] - alone[0])
    assert ratio == pytest.approx(np.sqrt(3), rel=0.15)


def test_groups_of_different_sizes_weigh_what_they_are():
    values = np.array([1.0, 1.0, 1.0, 5.0])
    sizes = {
        bootstrap_interval(len, values, groups=[0, 0, 0, 1], seed=seed)
        for seed in range(3)
    }
    assert sizes == {(2.0, 6.0)}


def test_whole_numbers_are_not_cut():
    found = bootstrap_interval(
        lambda x: x.mean() if x[0] else int(x[0]), np.tile([0, 1], 50)
    )
    assert 0.3 < found[1] < 0.7


def test_draws_without_a_number_are_left_out():
    labels, scores = np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bootstrap_interval(roc_auc, labels, scores) == (1.0, 1.0)
        never = bootstrap_interval(roc_auc, labels[:2], scores[:2], repeats=5)
    assert np.isnan(never).all()


@pytest.mark.parametrize(
    "arrays, options, match",
    [
        (([0, 1], [1, 2, 3]), {}, r"lengths \[\[2\], \[3\]\]"),
        (([0, 1],), {"groups": [0]}, r"lengths \[\[2\], \[1\]\]"),
        (([0, 1],), {"groups": [[0], [1]]}, r"lengths \[\[2\], \[2, 1\]\]"),
        ((), {}, r"lengths \[\]"),
        (([],), {}, r"lengths \[\[0\]\]"),
        ((3,), {}, r"lengths \[\[\]\]"),
        (([1.0],), {}, "at least two images.*Received: one"),
        (([0, 1],), {"groups": ["a", "a"]}, "at least two images.*one"),
        (([0, 1],), {"level": 95}, "level=95"),
        (([0, 1],), {"repeats": 0}, "repeats=0"),
        (([0, 1],), {"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_drawn_is_named(arrays, options, match):
    with pytest.raises(ValueError, match=match):
        bootstrap_interval(np.mean, *arrays, **options)
