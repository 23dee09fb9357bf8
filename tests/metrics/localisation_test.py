import numpy as np
import pytest

from keras_attention.metrics import area_share
from keras_attention.metrics import attention_energy
from keras_attention.metrics import centre_energy
from keras_attention.metrics import centre_map
from keras_attention.visualization import AttentionMap


def random_masks(count, height, width):
    return np.random.default_rng(0).random((count, height, width)) < 0.3


def brute_force(maps, masks):
    """Both on a grid so fine that every edge is one of its lines."""
    height, width = np.lcm(maps.shape[1:], masks.shape[1:])

    def refined(x):
        rows, columns = height // x.shape[1], width // x.shape[2]
        return x.repeat(rows, 1).repeat(columns, 2)

    maps, masks = refined(maps), refined(masks)
    return (maps * masks).sum((1, 2)) / maps.sum((1, 2))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 7), (16, 16), (20, 9)])
def test_a_uniform_map_reaches_the_share_of_the_area(size):
    masks = random_masks(4, 16, 24)
    maps = np.full((4, *size), 0.37)
    np.testing.assert_allclose(
        attention_energy(maps, masks), area_share(masks), rtol=1e-14
    )


def test_area_share_is_the_mean_of_the_mask():
    masks = random_masks(4, 16, 24)
    np.testing.assert_array_equal(area_share(masks), masks.mean((1, 2)))


def test_attention_on_nothing_but_the_object_is_all_of_it():
    masks = np.zeros((1, 12, 12))
    masks[:, 3:6, 6:12] = 1
    maps = np.zeros((1, 4, 4))
    maps[:, 1, 2:] = 0.1, 7.0
    assert attention_energy(maps, masks) == 1.0
    assert attention_energy(maps, 1 - masks) == 0.0


@pytest.mark.parametrize("size", [(3, 5), (7, 4), (10, 15), (13, 11), (25, 9)])
def test_any_ratio_of_sizes_is_averaged_over_areas(size):
    masks = random_masks(3, 10, 12)
    maps = np.random.default_rng(1).random((3, *size))
    np.testing.assert_allclose(
        attention_energy(maps, masks), brute_force(maps, masks), rtol=1e-12
    )


def test_heads_and_queries_are_averaged():
    masks = random_masks(3, 8, 8)
    maps = np.random.default_rng(1).random((3, 2, 5, 4, 4))
    expected = attention_energy(maps.mean((1, 2)), masks)
    np.testing.assert_allclose(attention_energy(maps, masks), expected)
    heads = attention_energy(maps.mean(2), masks[..., None])
    np.testing.assert_allclose(heads, expected)


def test_weights_that_are_no_map_are_refused():
    masks = random_masks(2, 24, 24)
    pairs = np.random.default_rng(1).random((2, 3, 16, 16))
    pairs /= pairs.sum(-1, keepdims=True)
    gates = np.full((2, 1, 1, 8), 0.3)
    unlike = np.random.default_rng(1).random((2, 3, 16, 16))
    for weights, message in (
        (pairs, r"pairwise weights.*np\.mean\(weights, -2\)"),
        (pairs[:, :, :1], "pairwise weights"),
        (gates, "channel weights"),
        (AttentionMap(gates, "se", "channel"), "channel weights"),
        (AttentionMap(unlike, "dot", "pairwise"), "pairwise weights"),
    ):
        with pytest.raises(ValueError, match=message):
            attention_energy(weights, masks)
    maps = np.mean(pairs, -2).reshape(2, -1, 4, 4)
    assert np.isfinite(attention_energy(maps, masks)).all()
    attention_energy(AttentionMap(maps[:, :1, :1], "row"), masks)
    attention_energy(maps[:, :1, None], masks)


def test_questions_without_an_answer_are_nan():
    masks = np.ones((5, 4, 4))
    masks[0] = 0
    maps = np.ones((5, 2, 2))
    maps[1] = 0
    maps[2, 0, 0] = np.nan
    maps[3, 0, 0] = np.inf
    with np.errstate(all="raise"):
        energy = attention_energy(maps, masks)
    assert np.isnan(energy[:4]).all()
    assert energy[4] == 1


def test_the_centre_map_is_a_gaussian_stretched_to_the_image():
    centre = centre_map(12, 20)
    assert centre.sum() == pytest.approx(1)
    np.testing.assert_allclose(centre, centre[::-1, ::-1])
    np.testing.assert_allclose(centre[:, 0] * 3, 3 * centre[:, -1])
    # From the middle of the outermost row, 5.5 of 12 rows from the centre, to
    # that of the row beside the centre, 0.5 of 12.
    ratio = np.exp(-((5.5 / 3) ** 2 - (0.5 / 3) ** 2) / 2)
    np.testing.assert_allclose(centre[0] / centre[5], ratio)
    # Spread: in a fine map the variance is that of a Gaussian cut at 2 sigma.
    rows = centre_map(4000, 1)[:, 0]
    places = (np.arange(4000) + 0.5) / 4000 - 0.5
    density = np.exp(-2) / np.sqrt(2 * np.pi)
    expected = 0.25**2 * (1 - 4 * density / 0.9544997361)
    assert (rows * places**2).sum() == pytest.approx(expected, rel=1e-4)
    for size in ((0, 3), (3, 1.5)):
        with pytest.raises(ValueError, match="height|width"):
            centre_map(*size)


def test_the_energy_of_the_centre_is_that_of_its_map():
    masks = random_masks(4, 16, 24)
    masks[2] = 0
    received = centre_energy(masks[..., None])
    maps = np.broadcast_to(centre_map(16, 24), masks.shape)
    np.testing.assert_allclose(received, attention_energy(maps, masks))
    assert np.isnan(received[2])
    assert centre_energy(np.ones((1, 5, 7))) == pytest.approx(1)
    with pytest.raises(ValueError, match="argument masks"):
        centre_energy(np.full((1, 4, 4), 255))


@pytest.mark.parametrize(
    ("maps", "masks", "argument"),
    [
        (np.ones((2, 3)), np.ones((2, 4, 4)), "maps"),
        (np.ones((2, 0, 3)), np.ones((2, 4, 4)), "maps"),
        (-np.ones((2, 3, 3)), np.ones((2, 4, 4)), "maps"),
        (np.ones((2, 3, 3, 1)), np.ones((2, 4, 4)), "maps.*Channels last"),
        (np.ones((2, 3, 3)), np.ones((2, 4, 4, 3)), "masks"),
        (np.ones((2, 3, 3)), np.full((2, 4, 4), 255), "masks"),
        (np.ones((2, 3, 3)), np.full((2, 4, 4), np.nan), "masks"),
        (np.ones((2, 3, 3)), np.ones((1, 4, 4)), "maps and masks"),
    ],
)
def test_errors_name_the_argument(maps, masks, argument):
    with pytest.raises(ValueError, match=rf"[Aa]rguments? {argument}"):
        attention_energy(maps, masks)
