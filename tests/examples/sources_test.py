"""Where the images of a run come from."""

import io
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

FOLDER = pathlib.Path(__file__).parents[2] / "examples"
ARGUMENTS = {
    "size": 32,
    "images": None,
    "batch_size": 4,
}
RECIPE = {"flip": None, "crop": 0, "rotation": 0.0, "balance": False}


@pytest.fixture
def sources(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import sources

    sources.examples.cache_clear()
    return sources


@pytest.fixture
def npz(tmp_path):
    """Twenty images, the colour of their class, without validation split."""

    def jpeg(label):
        file = io.BytesIO()
        colour = (250, 0, 0) if label else (0, 0, 250)
        Image.new("RGB", (40, 40), colour).save(file, "JPEG")
        return file.getvalue()

    labels = np.arange(24) % 2
    files = [jpeg(label) for label in labels]
    offsets = np.cumsum([0] + [len(file) for file in files])
    path = tmp_path / "colours.npz"
    np.savez(
        path,
        jpeg=np.frombuffer(b"".join(files), "uint8"),
        offsets=offsets,
        split=np.repeat([0, 2], [20, 4]).astype("uint8"),
        label=labels.astype("uint8"),
        class_names=np.array(["blue", "red"]),
    )
    return str(path)


def test_npz_with_a_validation_carved_from_train(sources, npz):
    splits = sources.load({**ARGUMENTS, "dataset": npz, "images": 9}, RECIPE)
    assert splits.info.sizes == {"train": 9, "validation": 2, "test": 4}
    assert splits.info.class_names == ("blue", "red")
    images, labels = splits.test[0]
    assert images.shape == (4, 32, 32, 3)
    red = np.asarray(images)[..., 0].mean(axis=(1, 2)) > 0.5
    np.testing.assert_array_equal(red, labels)


def test_training_images_are_augmented_and_others_not(sources, npz):
    recipe = {**RECIPE, "crop": 8, "balance": True}
    splits = sources.load({**ARGUMENTS, "dataset": npz}, recipe)
    moved, _ = splits.train[0]
    assert (np.asarray(moved).sum(-1) == 0).any()  # what came in is black
    still, _ = splits.test[0]
    assert (np.asarray(still).sum(-1) > 0.5).all()


def test_a_data_set_of_keras(sources, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 32, 32)).astype("uint8")
    labels = np.arange(30) % 10
    pair = (images, labels), (images[:10], labels[:10])
    module = keras.datasets.fashion_mnist
    monkeypatch.setattr(module, "load_data", lambda: pair)
    arguments = {**ARGUMENTS, "dataset": "keras:fashion_mnist"}
    splits = sources.load(arguments, RECIPE)
    assert splits.info.image_shape == (32, 32, 1)
    assert splits.info.sizes == {"train": 27, "validation": 3, "test": 10}
    batch, _ = splits.test[0]
    pixels = np.asarray(batch)[..., 0] * 255
    np.testing.assert_allclose(pixels, images[:4], atol=1e-3)


def test_what_tfds_cannot_do_is_refused(sources):
    arguments = {**ARGUMENTS, "dataset": "cifar10"}
    with pytest.raises(ValueError, match="flip needs images from a file"):
        sources.load(arguments, {**RECIPE, "flip": "both"})
    with pytest.raises(ValueError, match=r"keras\.datasets has no 'pets'"):
        sources.load({**ARGUMENTS, "dataset": "keras:pets"}, RECIPE)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="others have no tf.data"
)
def test_positions_of_tfds_are_those_of_its_pipeline(
    sources, tmp_path, monkeypatch
):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sources, "TEST_IMAGES", 10)
    arguments = {
        "dataset": "cluttered_digits",
        "size": 32,
        "images": 10,
        "batch_size": 4,
    }
    stream = sources.load(arguments, RECIPE, seed=1).train
    train = sources.load(arguments, RECIPE, seed=1, resumable=True).train
    train.on_epoch_end()  # as `fit` does before it begins
    for _ in range(2):
        train.on_epoch_begin()
        batches = [train[index] for index in range(len(train))]
        train.on_epoch_end()
        for seen, expected in zip(batches, stream, strict=True):
            for array, other in zip(seen, expected, strict=True):
                np.testing.assert_array_equal(array, other)
