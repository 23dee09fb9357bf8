"""Numbers of maps, and of maps and masks, beside loops over pixels."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score

from keras_attention import metrics
from keras_attention.visualization import AttentionMap

OF_MASKS = {
    "pointing": metrics.pointing_game,
    "tolerant": lambda maps, masks: metrics.pointing_game(maps, masks, 2),
    "lift": metrics.attention_lift,
    "jaccard": metrics.map_jaccard,
    "dice": lambda maps, masks: metrics.map_dice(maps, masks, "top_area"),
    "otsu": lambda maps, masks: metrics.map_jaccard(maps, masks, "otsu"),
    "auc": metrics.map_roc_auc,
    "ap": metrics.map_average_precision,
}
# What a map without preference reaches, of an object on a quarter; NaN where
# its highest positions are asked for.
UNIFORM = [0.25, None, 1, np.nan, np.nan, np.nan, 0.5, 0.25]
OF_MAPS = {
    "entropy": metrics.attention_entropy,
    "gini": metrics.attention_gini,
    "top": lambda maps: metrics.attention_top_share(maps, 0.5),
}
# Two highest positions, one of them on the object of two pixels.
MAP = np.array([[[4, 1, 0], [2, 4, 1], [0, 0, 0]]])
MASK = np.array([[[1, 1, 0], [0, 0, 0], [0, 0, 0]]])


def drawn(count=5, size=(4, 6), mask_size=(8, 12)):
    """Maps with ties, and masks."""
    random = np.random.default_rng(0)
    maps = random.integers(0, 6, (count, *size)) / 4
    return maps, random.random((count, *mask_size)) < 0.3


def refined(maps, masks):
    rows, columns = np.array(masks.shape[1:]) // maps.shape[1:]
    return maps.repeat(rows, 1).repeat(columns, 2)


def test_a_map_of_nine_positions_by_hand():
    expected = {
        "pointing": 1 / 2,
        "tolerant": 1,
        "lift": 5 / 12 * 9 / 2,
        "jaccard": 1 / 3,
        "dice": 2 * 1 / 4,
        # {4, 4} and the rest: 2 * 7 * (4 - 4/7)^2 is more than {4, 4, 2}'s.
        "otsu": 1 / 3,
        # Of 14 pairs 4 > all but the other 4, 1 > four zeros and = one 1.
        "auc": (6 + 0.5 + 4 + 0.5) / 14,
        "ap": 1 / 2 * 1 / 2 + 1 / 2 * 2 / 5,
    }
    for name, metric in OF_MASKS.items():
        np.testing.assert_allclose(metric(MAP, MASK), [expected[name]])
    np.testing.assert_allclose(metrics.attention_top_share(MAP, 2 / 9), 2 / 3)
    shares = np.array([4, 4, 2, 1, 1]) / 12
    entropy = -(shares * np.log(shares)).sum() / np.log(9)
    np.testing.assert_allclose(metrics.attention_entropy(MAP), entropy)
    ordered = np.sort(MAP.ravel())
    gini = np.abs(ordered[:, None] - ordered).mean() / 2 / ordered.mean()
    np.testing.assert_allclose(metrics.attention_gini(MAP), gini)


def test_a_coarse_map_is_pixels_of_one_value():
    maps, masks = drawn()
    fine = refined(maps, masks)
    for image, (a, s) in enumerate(zip(fine, masks, strict=True)):
        at = np.flatnonzero(a == a.max())
        near = 0
        for pixel in at:
            y, x = np.divmod(pixel, a.shape[1])
            distances = [np.hypot(y - v, x - u) for v, u in np.argwhere(s)]
            near += min(distances) <= 2
        expected = {
            "pointing": s.ravel()[at].mean(),
            "tolerant": near / len(at),
            "lift": a[s].mean() / a.mean(),
            "auc": roc_auc_score(s.ravel(), a.ravel()),
            "ap": average_precision_score(s.ravel(), a.ravel()),
        }
        for name, value in expected.items():
            found = OF_MASKS[name](maps, masks)[image]
            np.testing.assert_allclose(found, value, err_msg=name)


def test_thresholds_against_every_threshold():
    maps, masks = drawn(6, (5, 7), (5, 7))
    for a, s in zip(maps, masks, strict=True):
        splits = {}
        for t in np.unique(a)[:-1]:
            parts = a[a > t], a[a <= t]
            spread = sum(part.size * part.var() for part in parts)
            splits[spread] = a > t
        attended = splits[min(splits)]
        expected = (attended & s).sum() / (attended | s).sum()
        found = metrics.map_jaccard(a[None], s[None], "otsu")
        np.testing.assert_allclose(found, [expected])
        # Of tied positions any may be taken: the mean over many orders.
        dice = []
        for seed in range(400):
            noise = np.random.default_rng(seed).random(a.shape)
            top = np.lexsort((noise.ravel(), -a.ravel()))[: s.sum()]
            dice.append(s.ravel()[top].mean())
        found = metrics.map_dice(a[None], s[None], "top_area")
        np.testing.assert_allclose(found, [np.mean(dice)], atol=0.03)


@pytest.mark.parametrize("name", OF_MASKS)
def test_images_do_not_know_each_other(name):
    maps, masks = drawn()
    found = OF_MASKS[name](maps, masks)
    order = [3, 0, 0, 4, 1, 2, 3]  # another one, with duplicates
    again = OF_MASKS[name](maps[order], masks[order])
    np.testing.assert_array_equal(again, found[order])
    heads = np.stack([0.5 * maps, 1.5 * maps], 1)
    np.testing.assert_allclose(OF_MASKS[name](heads, masks[..., None]), found)


@pytest.mark.parametrize("name", OF_MASKS)
@pytest.mark.filterwarnings("error")
def test_questions_without_an_answer_are_nan(name):
    maps, masks = drawn(6)
    masks[0] = 0
    maps[1, 0, 0] = np.nan
    maps[2, 0, 0] = np.inf
    maps[3] = 0.5
    masks[3] = 0
    masks[3, :4, :6] = 1
    masks[4] = 1
    found = OF_MASKS[name](maps, masks)
    assert np.isnan(found[:3]).all() and np.isfinite(found[5])
    uniform = UNIFORM[list(OF_MASKS).index(name)]
    if uniform is not None:
        np.testing.assert_allclose(found[3], uniform)
    # Beside an object on the whole image there is nothing.
    assert np.isnan(found[4]) == (name == "auc")


def test_a_map_of_one_position_has_nothing_to_choose():
    found = [metric(np.ones((1, 1, 1)), MASK) for metric in OF_MASKS.values()]
    expected = [2 / 9, 1 - 1 / 9, 1, np.nan, np.nan, np.nan, 0.5, 2 / 9]
    np.testing.assert_allclose(np.ravel(found), expected)
    assert np.isnan(metrics.attention_entropy(np.ones((1, 1, 1))))


@pytest.mark.filterwarnings("error")
def test_concentration():
    maps, _ = drawn(6, (5, 7))
    maps[0] = 2
    maps[1] = 0
    maps[1, 2, 3] = 7
    maps[2] = 0
    maps[3, 0, 0] = np.nan
    maps[4, 0, 0] = np.inf
    expected = {"entropy": (1, 0), "gini": (0, 34 / 35), "top": (0.5, 1)}
    for name, metric in OF_MAPS.items():
        found = metric(maps)
        np.testing.assert_allclose(found[:2], expected[name], atol=1e-12)
        assert np.isnan(found[2:5]).all() and np.isfinite(found[5])
        # A scale and an order of positions that do not matter, and heads.
        other = np.stack([3 * maps[:, ::-1], maps], 1)
        both = np.stack([found] * 2, 1)
        np.testing.assert_allclose(metric(other), both, atol=1e-12)
        # A little less of the highest position for the lowest.
        flatter = maps[5].copy().ravel()
        flatter[[flatter.argmax(), flatter.argmin()]] += -0.1, 0.1
        change = metric(flatter.reshape(1, 5, 7)) - found[5]
        assert change > 0 if name == "entropy" else change < 0


def test_concentration_of_channels_and_pairs():
    gates = np.random.default_rng(0).random((2, 1, 1, 8))
    assert metrics.attention_gini(AttentionMap(gates, "se", "channel")).shape
    pairs = np.full((2, 3, 4, 4), 0.25)
    for weights in (pairs, AttentionMap(gates, "dot", "pairwise")):
        with pytest.raises(ValueError, match=r"pairwise.*\[\.\.\., None, :\]"):
            metrics.attention_entropy(weights)
    entropies = metrics.attention_entropy(pairs[..., None, :])
    np.testing.assert_allclose(entropies, np.ones((2, 3, 4)))


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: metrics.pointing_game(MAP, MASK, -1), "tolerance"),
        (lambda: metrics.map_dice(MAP, MASK, 1), "threshold"),
        (lambda: metrics.map_dice(MAP, MASK, "area"), "threshold"),
        (lambda: metrics.map_roc_auc(-MAP, MASK), "maps"),
        (lambda: metrics.attention_top_share(MAP, 0), "area"),
        (lambda: metrics.attention_gini(-MAP), "maps"),
        (lambda: metrics.attention_gini(MAP[0]), "maps"),
    ],
)
def test_errors_name_the_argument(call, argument):
    with pytest.raises(ValueError, match=f"argument {argument}"):
        call()
