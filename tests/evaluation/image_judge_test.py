"""Images by a named network: closed forms, batches, what is refused."""

import keras
import numpy as np
import pytest

from keras_attention import metrics
from keras_attention.evaluation import ImageJudge
from keras_attention.evaluation import judge_networks
from keras_attention.evaluation.judged_images import SeenImages

pytestmark = pytest.mark.usefixtures("eagerly")
RNG = np.random.default_rng(0)
LABELS = np.arange(40) % 2
# Two channels, one of them on: the mean of a channel is its feature.
REAL = np.eye(2)[LABELS][:, None, None] * np.ones((40, 2, 2, 1))


def classifier(size=2, channels=2):
    """Sure of the channel that is brighter."""
    inputs = keras.Input((size, size, channels))
    x = keras.layers.GlobalAveragePooling2D(name="mean")(inputs)
    x = keras.layers.Dense(2, "softmax", name="answers")(x)
    model = keras.Model(inputs, x, name="brighter")
    model.set_weights([50 * np.eye(channels, 2), np.zeros(2)])
    return model


@pytest.fixture(scope="module")
def judge():
    return ImageJudge(classifier(), batch_size=16)


def test_closed_forms(judge):
    found = judge.compare(REAL, REAL, LABELS)
    assert found.extractor == "brighter" and found.channels == 2
    assert found.images == found.real_images == 40
    assert found.inception_score == pytest.approx(2, abs=1e-3)
    assert found.frechet_distance == pytest.approx(0, abs=1e-6)
    assert found.right == 1
    asked = np.where(np.arange(40) < 10, 1 - LABELS, LABELS)
    moved = judge.compare(judge.look(REAL), REAL - 0.5, asked)
    assert moved.frechet_distance == pytest.approx(2 * 0.5**2)
    assert moved.right == 0.75
    text = str(moved)
    assert "Frechet distance  0.5\n" in text and "features of brighter" in text
    # Whoever judges: this is no Inception network of 2015.
    assert not any(name in text for name in ("FID", "KID", "IS "))
    assert "too large" in text and "right             75.0%" in text


def test_batches_of_any_kind_are_the_whole(judge):
    images = RNG.uniform(-1, 1, (40, 2, 2, 2)).astype("float32")

    class Batches(keras.utils.PyDataset):
        num_batches = 3

        def __getitem__(self, index):
            part = slice(index * 16, index * 16 + 16)
            return images[part], LABELS[part]

    whole = judge.look(images, LABELS)
    features, answers = judge.network.model.predict_on_batch(images)
    # Against the functions of all features at once, in float64.
    statistics = metrics.FeatureStatistics().add(features)
    np.testing.assert_allclose(whole.statistics.mean, statistics.mean)
    np.testing.assert_allclose(
        whole.statistics.covariance, statistics.covariance
    )
    score, _ = metrics.inception_score(answers, splits=1)
    assert whole.inception_score == pytest.approx(score)
    kinds = (
        Batches(),
        [images[:16], images[16:32], images[32:]],
        [{"image": images[:32], "label": LABELS[:32]}, {"image": images[32:]}],
    )
    for batches in kinds:
        seen = judge.look(batches)
        found = judge.compare(seen, whole)
        assert found.frechet_distance == pytest.approx(0, abs=1e-9)
        assert seen.inception_score == pytest.approx(score)
        np.testing.assert_allclose(seen.features, whole.features)
    assert judge.look(Batches()).right == whole.right
    expected, _ = metrics.kernel_distance(features, features + 1, subsets=3)
    kept = SeenImages(40)
    kept.add(features + 1)
    seen = judge.compare(whole, kept, subsets=3)
    assert seen.kernel_distance == pytest.approx(expected, rel=1e-5)
    assert seen.inception_score is None and seen.right is None


def test_those_that_are_kept_are_drawn_evenly():
    times = np.zeros(10)
    for seed in range(300):
        seen = SeenImages(3, seed)
        for start in range(0, 10, 4):
            seen.add(np.arange(start, min(start + 4, 10))[:, None])
        assert len(seen.features) == 3 and seen.count == 10
        times[seen.features.astype(int).ravel()] += 1
    assert abs(times / 300 - 0.3).max() < 0.1


def test_images_become_what_the_network_wants():
    """Grey to three channels, another size, another range."""
    network = classifier(4, 3)
    network = keras.Model(network.input, network.get_layer("mean").output)
    judge = ImageJudge(
        network,
        network.layers[-1].name,
        value_range=(0, 255),
        network_range=(-1, 1),
    )
    grey = np.array([0, 255, 51]).reshape(3, 1, 1, 1) * np.ones((3, 2, 2, 1))
    seen = judge.look(grey.astype("uint8"))
    assert seen.inception_score is None  # It has no answers.
    np.testing.assert_allclose(
        seen.features, np.array([-1, 1, -0.6])[:, None] * np.ones(3), atol=1e-6
    )
    with pytest.raises(ValueError, match=r"range=\(0.0, 255.0\). Rec.* to 300"):
        judge.look(grey + 45)
    with pytest.raises(ValueError, match="3 channels, or one for three"):
        judge.look(np.zeros((2, 2, 2, 2)))


def small_inception(weights=None, include_top=True):
    inputs = x = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, name="conv")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if include_top:
        x = keras.layers.Dense(5, "softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="inception_v3")


def test_inception_by_the_shapes_of_a_file(tmp_path):
    """A small network stands for the large one."""
    path = str(tmp_path / "some.weights.h5")
    for include_top in (True, False):
        network = small_inception(None, include_top)
        network.save_weights(path)
        found = judge_networks.inception_v3(path, small_inception)
        assert found.name == "inception_v3 of keras.applications"
        assert found.input_shape == (299, 299, 3)
        assert len(found.model.outputs) == 1 + include_top
        x = RNG.uniform(0, 1, (2, 9, 9, 3))
        seen, *_ = keras.tree.flatten(found.model(x))
        inner = keras.Model(network.input, network.get_layer("avg_pool").output)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(seen),
            keras.ops.convert_to_numpy(inner(x)),
            rtol=1e-5,
        )
        assert found.prepare(0.0) == -1 and found.prepare(1.0) == 1
    classifier().save_weights(path)
    with pytest.raises(
        ValueError, match=r"not hold .* of inception_v3.*no \[\(2"
    ):
        judge_networks.inception_v3(path, small_inception)


@pytest.mark.long
def test_inception_as_it_is(tmp_path):
    path = str(tmp_path / "inception.weights.h5")
    keras.utils.set_random_seed(0)
    keras.applications.InceptionV3(weights=None).save_weights(path)
    judge = ImageJudge(path, batch_size=2)
    seen = judge.look(RNG.uniform(-1, 1, (2, 8, 8, 1)))
    assert seen.features.shape == (2, 2048)
    assert judge.parameters == 23_851_784


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda judge: ImageJudge("vgg"), "'efficientnet_lite0', a path of an"),
        (lambda judge: ImageJudge(5), "or a model. Received: network=5"),
        (
            lambda judge: ImageJudge("efficientnet_lite0", layer="stem"),
            "layer: expected None with 'efficientnet_lite0'",
        ),
        (
            lambda judge: ImageJudge(classifier(), value_range=(1, 1)),
            "two rising numbers",
        ),
        (lambda judge: judge.look([]), "at least one batch"),
        (lambda judge: judge.look(REAL[0]), r"expected \(batch, height"),
        (lambda judge: judge.look(REAL, LABELS[:3]), "each of 40 images"),
        (lambda judge: judge.look([REAL], LABELS), "bring their own"),
        (lambda judge: judge.look(np.nan * REAL), "Received: nan to nan"),
        (
            lambda judge: judge.compare(REAL, REAL[:1]),
            "at least two images",
        ),
        (
            lambda judge: SeenImages(3).add(np.ones((2, 2)), 2 * np.eye(2)),
            "answers must be probabilities",
        ),
        (
            lambda judge: SeenImages(3).add(np.ones((2, 2)), labels=[0, 1]),
            "Labels need a network that answers",
        ),
    ],
)
def test_bad_input(call, message, judge):
    with pytest.raises(ValueError, match=message):
        call(judge)


def test_a_path_without_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*judge.h5', to"):
        ImageJudge(tmp_path / "judge.h5")
    with pytest.raises(ValueError, match="judge.keras"):
        ImageJudge(tmp_path / "judge.keras")
