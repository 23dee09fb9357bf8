"""Patches: cut like NumPy, drawn once each, and estimates without a bias."""

import gradients
import keras
import numpy as np
import pytest
from keras import ops

from keras_attention import AttentionExtractor
from keras_attention.internals.recording import recording
from keras_attention.tasks import glimpses

SCORES = np.array([0.5, -0.5, 1.5, 0.0, -1.0, 0.3], "float32")
FEATURES = np.array([1.0, -2.0, 0.5, 3.0, 4.0, -1.0], "float32")


def numpy_patch(image, corner, size):
    """Slicing of a padded image."""
    padded = np.pad(image, [(9, 9), (9, 9), (0, 0)])
    row, column = (first + 9 for first in corner)
    return padded[row : row + size[0], column : column + size[1]]


@pytest.mark.computing
def test_patches_are_those_of_slicing():
    images = np.random.default_rng(0).normal(size=(2, 5, 7, 2))
    images = images.astype("float32")
    corners = np.array([[[0, 0], [-2, -3], [4, 6]], [[2, 3], [-9, 0], [3, 5]]])
    seen = glimpses.crop_patches(images, corners, (3, 4))
    expected = [
        [numpy_patch(image, corner, (3, 4)) for corner in of_image]
        for image, of_image in zip(images, corners, strict=True)
    ]
    assert (ops.convert_to_numpy(seen) == expected).all()
    # Between pixels, in proportion.
    between = corners.astype("float32") + [0.25, 0.0]
    seen = glimpses.crop_patches(images, between, (3, 4))
    below = glimpses.crop_patches(images, corners + [1, 0], (3, 4))
    mixed = 0.25 * ops.convert_to_numpy(below) + 0.75 * np.array(expected)
    np.testing.assert_allclose(ops.convert_to_numpy(seen), mixed, atol=1e-6)


@pytest.mark.computing
def test_integers_stay_integers():
    images = np.arange(32, dtype="uint8").reshape(2, 4, 4, 1)
    seen = glimpses.crop_patches(images, np.array([[[1, 1]]] * 2), (2, 2))
    assert keras.backend.standardize_dtype(seen.dtype) == "uint8"
    assert ops.convert_to_numpy(seen)[1].ravel().tolist() == [21, 22, 25, 26]


def within(values, expected):
    """Inside four standard errors, which are small enough to tell."""
    error = values.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - expected) < 4 * error).all()
    assert (error < 0.05).all()


def tiled(x, count):
    """Images or scores of 2 x 3 pixels or places, all the same."""
    return np.tile(x.reshape(1, 2, 3, 1), (count, 1, 1, 1))


def total(patches, weights):
    """`(batch,)`: features that are the pixels themselves, summed."""
    return ops.sum(weights * ops.reshape(patches, (-1, 3)), axis=-1)


@pytest.mark.computing
def test_estimate_and_gradients_have_those_of_the_dense_sum_as_their_mean():
    layer = glimpses.PatchSampling2D(3, 1, seed=0)
    dense = np.exp(SCORES) / np.exp(SCORES).sum()

    def estimate(scores, images):
        with keras.StatelessScope():  # JAX compiles it
            return total(*layer(images, scores, training=True))

    arrays = tiled(SCORES, 4000), tiled(FEATURES, 4000)
    values, pulled = gradients.gradients(estimate, arrays)
    by_scores, by_images = (x.reshape(-1, 6) for x in pulled)
    within(values, dense @ FEATURES)
    within(by_scores, dense * (FEATURES - dense @ FEATURES))
    within(by_images, dense)


@pytest.mark.computing
def test_no_place_is_drawn_twice_and_all_of_them_are_the_dense_sum():
    scores, images = tiled(SCORES, 200), tiled(np.arange(6.0), 200)
    layer = glimpses.PatchSampling2D(3, 1, seed=0)
    patches, weights = layer(images, scores, training=True)
    drawn = np.sort(ops.convert_to_numpy(patches).reshape(200, 3))
    assert (np.diff(drawn) > 0).all() and len(np.unique(drawn)) == 6
    np.testing.assert_allclose(
        ops.convert_to_numpy(weights).sum(-1), 1, rtol=1e-5
    )
    # Outside training it is the same every time: the most probable places.
    patches, weights = map(ops.convert_to_numpy, layer(images, scores))
    order = np.argsort(-SCORES)[:3]
    assert (patches.reshape(200, 3) == order).all()
    shares = np.exp(SCORES[order]) / np.exp(SCORES[order]).sum()
    np.testing.assert_allclose(weights[0], shares, rtol=1e-5)


@pytest.fixture(scope="module")
def model():
    # A feature is the mean of a patch, so that it can be computed by hand.
    return glimpses.AttentionSampling(
        (32, 48, 1),
        classes=2,
        feature_network=keras.layers.GlobalAveragePooling2D(),
        unit_features=False,
        num_patches=4,
        patch_size=(8, 6),
        seed=0,
    )


def test_trains_saves_and_shows_its_map(model, tmp_path, eagerly):
    images = np.random.default_rng(0).random((4, 32, 48, 1), "float32")
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [ops.convert_to_numpy(w) for w in model.trainable_weights]
    logs = model.train_on_batch(images, np.array([0, 1, 1, 0]))
    pairs = zip(before, model.trainable_weights, strict=True)
    assert np.isfinite(logs)
    assert all((a != ops.convert_to_numpy(b)).any() for a, b in pairs)

    outputs, maps = AttentionExtractor(model).predict(images, verbose=0)
    seen = maps["patch_sampling"]
    assert seen.shape == (4, 1, 4, 6)
    np.testing.assert_allclose(seen.sum((1, 2, 3)), 1, rtol=1e-5)
    best = np.argsort(-seen.reshape(4, -1))[:, :4]
    features = [
        [numpy_patch(image, (p // 6 * 8, p % 6 * 8 + 1), (8, 6)) for p in row]
        for image, row in zip(images, best, strict=True)
    ]
    shares = np.take_along_axis(seen.reshape(4, -1), best, 1)
    shares /= shares.sum(1, keepdims=True)
    context = (np.mean(features, (2, 3)) * shares[..., None]).sum(1)
    kernel, bias = model.get_layer("predictions").get_weights()
    logits = np.exp(context @ kernel + bias)
    expected = logits / logits.sum(1, keepdims=True)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded(images)
    np.testing.assert_allclose(ops.convert_to_numpy(again), outputs, 1e-5)


def test_what_a_patch_shows_changes_its_weight():
    images = np.random.default_rng(0).random((3, 4, 6, 1), "float32")
    network = glimpses.AttentionSampling(
        (4, 6, 1),
        classes=2,
        attention_network=lambda view: 3.0 * view,
        feature_network=keras.layers.GlobalAveragePooling2D(),
        unit_features=False,
        weigh_again=True,
        num_patches=3,
        patch_size=2,
        scale=2,
        classifier_activation=None,
    )
    (_, drawn), *rest = (
        network.get_layer(name).output
        for name in ("patch_sampling", "patch_features", "context")
    )
    walk = keras.Model(network.input, [drawn, *rest])
    weights, features, before = walk(images)
    weights, features = map(ops.convert_to_numpy, (weights, features[..., 0]))
    plain = (weights * features).sum(1)  # a score is 0 at first
    np.testing.assert_allclose(ops.convert_to_numpy(before)[:, 0], plain, 1e-5)

    network.get_layer("patch_scores").set_weights([np.array([[7.0]])])
    odds = weights * np.exp(7.0 * features)
    expected = (odds * features).sum(1) / odds.sum(1)
    assert (np.abs(expected - plain) > 1e-3).all()
    seen = ops.convert_to_numpy(walk(images)[2])[:, 0]
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_a_recorder_may_replace_the_map():
    class Replaces:
        def record(self, layer, weights):
            return ops.reshape(ops.one_hot(5, 6), (1, 1, 2, 3))

    layer = glimpses.PatchSampling2D(1, 1)
    images = np.arange(6.0).reshape(1, 2, 3, 1)
    with recording(Replaces()):
        seen, _ = layer(images, SCORES.reshape(1, 2, 3, 1))
    own, _ = layer(images, SCORES.reshape(1, 2, 3, 1))
    assert [float(ops.max(x)) for x in (seen, own)] == [5.0, 2.0]


def test_entropy_is_in_the_loss():
    layer = glimpses.PatchSampling2D(1, 1, entropy_weight=0.5)
    layer(tiled(FEATURES, 2), np.zeros((2, 2, 3, 1)))
    (loss,) = layer.losses
    np.testing.assert_allclose(float(loss), -0.5 * np.log(6), rtol=1e-6)


def test_controls_look_at_nothing(eagerly):
    images = np.random.default_rng(0).random((64, 8, 8, 1), "float32")
    options = {
        "feature_network": keras.layers.GlobalAveragePooling2D(),
        "num_patches": 1,
        "patch_size": 2,
        "scale": 1,
    }
    for control, count in (("centre", 1), ("uniform", 64)):
        model = glimpses.AttentionSampling(
            (8, 8, 1), 2, attention_network=control, **options
        )
        _, maps = AttentionExtractor(model).predict(images, verbose=0)
        (seen,) = maps.values()
        assert (
            seen.shape[1:] in [(1, 1, 1), (1, 8, 8)] and seen[0].size == count
        )
        np.testing.assert_allclose(seen, 1 / count, rtol=1e-6)
        patches = model.get_layer("patch_sampling")
        assert patches.inference == ("top" if count == 1 else "sample")
    middle, _ = glimpses.PatchSampling2D(1, 2)(images, np.zeros((64, 1, 1, 1)))
    assert (ops.convert_to_numpy(middle)[:, 0] == images[:, 3:5, 3:5]).all()


def test_bad_arguments():
    sampling, network = glimpses.PatchSampling2D, glimpses.AttentionSampling
    images = np.zeros((1, 8, 6, 1))
    with pytest.raises(ValueError, match="fit in an image of 8 x 6 pixels"):
        sampling(1, 7)(images, np.zeros((1, 2, 2, 1)))
    with pytest.raises(ValueError, match="at most 4, the places of a map of 2"):
        sampling(5, 2)(images, np.zeros((1, 2, 2, 1)))
    with pytest.raises(ValueError, match="scores of shape"):
        sampling(1, 2)(images, np.zeros((1, 2, 2, 3)))
    with pytest.raises(ValueError, match="patch_size"):
        sampling(1, (2, 2, 2))
    with pytest.raises(ValueError, match="one of 'top', 'sample'"):
        sampling(1, 2, inference="mean")
    with pytest.raises(ValueError, match="fit in an image of 64 x 64"):
        network((64, 64, 1), patch_size=96)
    with pytest.raises(ValueError, match="at most 64, the places"):
        network((64, 64, 1), num_patches=65)
    with pytest.raises(ValueError, match="known sizes"):
        network((None, None, 1))
    with pytest.raises(ValueError, match="weigh_again"):
        network((64, 64, 1), weigh_again=1)
