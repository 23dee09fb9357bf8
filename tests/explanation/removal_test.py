"""Pixels that go and come: closed forms of linear models, loops, bounds."""

import keras
import numpy as np
import pytest

from keras_attention.explanation import InsideMask
from keras_attention.explanation import confidence_change
from keras_attention.explanation import deletion
from keras_attention.explanation import insertion
from keras_attention.explanation import max_sensitivity
from keras_attention.explanation import road
from keras_attention.explanation.answers import Answers
from keras_attention.explanation.removal import in_pixels
from keras_attention.explanation.removal import ranks
from keras_attention.explanation.removal import without
from keras_attention.explanation.remove_and_debias import grid_laplacian
from keras_attention.explanation.remove_and_debias import imputed

SIZE = (4, 5)
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0.1, 1, (3, *SIZE, 2)).astype("float32")
WEIGHTS = RANDOM.normal(size=(*SIZE, 2)).astype("float32")


@pytest.fixture(scope="module")
def linear():
    """A model whose one answer is `sum(w x)`; it is explained as it is."""
    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Sequential([keras.layers.Flatten(), dense])
    model.compile(run_eagerly=True)
    model(IMAGES)
    dense.kernel.assign(WEIGHTS.reshape(-1, 1))
    return model


def only(answers):
    return answers[:, 0]


def parts(baseline):
    """What each pixel gives to the answer, `(b, n)`, and what is without."""
    gone = np.broadcast_to(without(IMAGES, baseline), IMAGES.shape)
    each = (WEIGHTS * (IMAGES - gone)).sum(-1)
    return each.reshape(3, -1), (WEIGHTS * gone).sum((1, 2, 3))


@pytest.mark.computing
@pytest.mark.parametrize("baseline", ["mean", "blur", "zero"])
def test_curves_of_a_linear_model_are_sums_in_order(linear, baseline):
    each, nothing = parts(baseline)
    maps = each.reshape(3, *SIZE)  # signed: the lowest speak against it
    settings = {"baseline": baseline, "steps": 20, "batch_size": 2}
    sums = np.cumsum(-np.sort(-each), 1)
    gained = nothing[:, None] + np.pad(sums, ((0, 0), (1, 0)))
    curve = insertion(linear, IMAGES, maps, only, **settings)
    np.testing.assert_allclose(curve.scores, gained, rtol=1e-4, atol=1e-5)
    area = np.trapezoid(gained, np.linspace(0, 1, 21), axis=1)
    np.testing.assert_allclose(curve.auc, area, rtol=1e-4, atol=1e-5)
    curve = deletion(linear, IMAGES, maps, only, **settings)
    lost = nothing[:, None] + sums[:, -1:] - np.pad(sums, ((0, 0), (1, 0)))
    np.testing.assert_allclose(curve.scores, lost, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(curve.fractions, np.linspace(0, 1, 21))


def test_what_a_map_shows_of_a_linear_model(linear):
    maps = RANDOM.uniform(-1, 1, (3, *SIZE))
    maps[2] = 0.3
    low, high = maps.min((1, 2)), maps.max((1, 2))
    for baseline in ("zero", "mean"):
        each, nothing = parts(baseline)
        share = (maps - low[:, None, None]) / (high - low + 1e-9)[:, None, None]
        whole = each.sum(1) + nothing
        shown = (share.reshape(3, -1) * each).sum(1) + nothing
        found = confidence_change(
            linear, IMAGES, maps, only, baseline=baseline, batch_size=2
        )
        drop = np.maximum(whole - shown, 0) / whole
        gain = np.maximum(shown - whole, 0) / (1 - whole)
        expected = drop, shown > whole, gain
        for seen, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(seen[:2], right[:2], rtol=1e-3)
            assert np.isnan(seen[2])  # the same everywhere


def test_a_sure_answer_cannot_gain():
    model = keras.Sequential([keras.layers.GlobalMaxPooling2D()])
    images = np.ones((1, 2, 2, 1))
    found = confidence_change(model, images, np.arange(4).reshape(1, 2, 2))
    assert [float(x[0]) for x in found] == [0, 0, 0]


def test_a_hole_is_filled_with_the_mean_of_its_neighbours():
    image = IMAGES[0]
    hole = np.random.default_rng(1).random(SIZE) < 0.6
    assert 6 < hole.sum() < 18
    filled = imputed(image, hole, grid_laplacian(*SIZE))
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    for y, x in np.argwhere(hole):
        mean, total = 0, 0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                v, u = y + dy, x + dx
                if (dy or dx) and 0 <= v < SIZE[0] and 0 <= u < SIZE[1]:
                    weight = 1 / 12 if dy and dx else 1 / 6
                    mean = mean + weight * filled[v, u]
                    total += weight
        np.testing.assert_allclose(filled[y, x], mean / total, rtol=1e-5)
    line = imputed(
        np.arange(4.0).reshape(1, 4, 1),
        np.array([[0, 1, 1, 0]]) > 0,
        grid_laplacian(1, 4),
    )
    np.testing.assert_allclose(line.ravel(), [0, 1, 2, 3])


def test_road_of_a_linear_model(linear):
    maps = RANDOM.random((3, *SIZE))
    settings = {"percentages": [12, 50], "noise": 0, "batch_size": 2}
    found = road(linear, IMAGES, maps, only, **settings)
    laplacian = grid_laplacian(*SIZE)
    for index, (image, place) in enumerate(
        zip(IMAGES, ranks(maps), strict=True)
    ):
        for column, count in enumerate((2, 10)):  # of 20
            for scores, hole in (
                (found.most_relevant_first, place < count),
                (found.least_relevant_first, place >= 20 - count),
            ):
                expected = (WEIGHTS * imputed(image, hole, laplacian)).sum()
                np.testing.assert_allclose(
                    scores[index, column], expected, rtol=1e-4, atol=1e-5
                )
    gap = found.least_relevant_first - found.most_relevant_first
    np.testing.assert_allclose(found.combined, gap.mean(1) / 2)
    # The noise of an image is its own, whatever is computed beside it.
    settings = {"percentages": [50], "noise": 0.1}
    together = road(linear, IMAGES, maps, only, **settings)
    assert abs(together.combined - found.combined).min() > 1e-4
    again = road(linear, IMAGES, maps, only, **settings, batch_size=1)
    np.testing.assert_allclose(together.combined, again.combined, rtol=1e-4)


def test_sensitivity_to_noise(linear):
    asked = []

    def brightness(model, images, target):
        asked.append(target)
        return images.sum(-1)

    def blind(model, images, target):
        return np.ones((len(images), 3, 3))

    found = max_sensitivity(linear, IMAGES, brightness, radius=0.1, samples=30)
    reach = 0.1 * np.ptp(IMAGES, axis=(1, 2, 3)) * 2 * np.sqrt(20)
    most = reach / np.linalg.norm(IMAGES.sum(-1), axis=(1, 2))
    # The root mean square of the sum of two uniform variables is sqrt(1/6).
    assert (found < most).all() and (found > most * np.sqrt(1 / 6)).all()
    assert len(asked) == 31 and all((x == asked[0]).all() for x in asked)
    fewer = max_sensitivity(linear, IMAGES, brightness, radius=0.1, samples=3)
    assert (fewer <= found).all() and (fewer < found).any()
    for method, radius in ((blind, 0.1), (brightness, 0)):
        zero = max_sensitivity(linear, IMAGES, method, radius=radius, samples=2)
        np.testing.assert_array_equal(zero, np.zeros(3))
    silent = max_sensitivity(
        linear, IMAGES, lambda *_: np.zeros((3, 2)), samples=1
    )
    assert np.isnan(silent).all()


def test_equal_pixels_go_in_a_drawn_order():
    flat = np.ones((2, 6, 6))
    place = ranks(flat)
    assert (np.sort(place.reshape(2, -1)) == np.arange(36)).all()
    assert (place[0] != place[1]).any() and (place != ranks(flat, 1)).any()
    assert (np.diff(place[0].ravel()) < 0).any()
    np.testing.assert_array_equal(place, ranks(flat))
    flat[:, 2:4] = 2
    assert (ranks(flat)[:, 2:4] < 12).all()


def test_maps_of_layers_come_to_the_pixels():
    maps = np.zeros((1, 2, 3, 2, 2))
    maps[..., 0, 0] = 1
    found = in_pixels(maps, np.zeros((1, 4, 4, 1)))
    row = [1, 0.75, 0.25, 0]
    np.testing.assert_allclose(found[0], np.outer(row, row))
    for bad in (
        np.full((1, 2, 2), np.nan),
        np.ones((2, 2, 2)),
        np.ones((2, 2)),
    ):
        with pytest.raises(ValueError, match="argument maps"):
            in_pixels(bad, np.zeros((1, 4, 4, 1)))


class Fixed(keras.layers.Layer):
    """Answers made of the mean of an image, as told."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def call(self, images):
        return self.answer(keras.ops.mean(images, (1, 2)))


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        (lambda m: m, 1, 0.25),
        (lambda m: m, 0, 0.75),
        (lambda m: m, None, 0.25),
        (lambda m: 8 * m, 1, 1 / (1 + np.exp(-2))),
        (
            lambda m: keras.ops.concatenate([m, -4 * m], 1),
            1,
            1 / (1 + np.exp(1.25)),
        ),
        (lambda m: keras.ops.concatenate([m, 3 * m], 1), None, 0.75),
        # Several labels an image: they do not sum to 1.
        (lambda m: keras.ops.concatenate([m, 3 * m], 1), 0, 0.25),
        (lambda m: 8 * m, lambda y: y[:, 0], 2),
    ],
)
def test_scores_are_probabilities_of_what_is_explained(
    answer, target, expected
):
    model = keras.Sequential([Fixed(answer)])
    model.compile(run_eagerly=True)
    answers = Answers(model, np.full((3, 2, 2, 1), 0.25), target, batch_size=2)
    np.testing.assert_allclose(
        answers.original, np.full(3, expected), rtol=1e-6
    )


def test_what_was_predicted_first_stays_explained():
    def answer(mean):
        return keras.ops.concatenate([mean, 1 - mean], 1)

    model = keras.Sequential([Fixed(answer)])
    answers = Answers(model, np.full((2, 2, 2, 1), 0.75))
    np.testing.assert_array_equal(answers.target, [0, 0])
    scores = answers(lambda images, part: 0 * images, lambda images, _: images)
    np.testing.assert_array_equal(scores, [[0, 0.75]] * 2)


def test_channels_first_and_masks():
    first = {"data_format": "channels_first"}
    images = np.moveaxis(IMAGES, -1, 1)
    cropped = [
        keras.layers.Cropping2D(((0, 2), (0, 2)), **kind)
        for kind in (first, {})
    ]
    models = [
        keras.Sequential(
            [
                keras.Input(x.shape[1:]),
                crop,
                keras.layers.GlobalAveragePooling2D(**kind),
            ]
        )
        for crop, kind, x in zip(
            cropped, (first, {}), (images, IMAGES), strict=True
        )
    ]
    maps = RANDOM.random((3, *SIZE))
    curves = [
        deletion(model, x, maps, 0, steps=3).scores
        for model, x in zip(models, (images, IMAGES), strict=True)
    ]
    np.testing.assert_allclose(*curves, rtol=1e-5)
    mask = InsideMask(np.ones((3, 2, 3)))
    inside = deletion(
        keras.Sequential(cropped[1:]), IMAGES, maps, mask, steps=3
    )
    np.testing.assert_allclose(inside.scores, curves[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES[..., 0]}, "argument images"),
        ({"images": IMAGES[:0]}, "argument images"),
        ({"images": IMAGES * np.inf}, "answers are not finite for 3 of 3"),
        ({"maps": np.ones((2, 4, 5))}, "argument maps"),
        ({"target": 7}, "argument target"),
        ({"baseline": "grey"}, "argument baseline"),
        ({"steps": 0}, "argument steps"),
    ],
)
def test_errors_name_the_argument(linear, change, message):
    settings = {"images": IMAGES, "maps": np.ones((3, 2, 2)), **change}
    with pytest.raises(ValueError, match=message):
        deletion(linear, **settings)


def test_pixels_of_volumes_are_not_removed():
    model = keras.Sequential([keras.layers.Flatten()])
    with pytest.raises(ValueError, match="removed of images"):
        deletion(model, IMAGES[:, None], np.ones((3, 2, 2)))


def test_errors_of_road(linear):
    for settings in ({"percentages": [0, 50]}, {"noise": -1}):
        with pytest.raises(
            ValueError, match=f"argument {next(iter(settings))}"
        ):
            road(linear, IMAGES, np.ones((3, 2, 2)), **settings)
