import itertools

import keras
import numpy as np
import pytest

from keras_attention import datasets
from keras_attention.datasets import builders
from keras_attention.datasets.load import plan_splits

NUMPY = keras.backend.backend() != "tensorflow"


def numpy(tensor):
    return np.asarray(tensor)


def labels(batches):
    return np.concatenate([numpy(label) for _, label in batches]).tolist()


def load(name="tiny_numbered", batch_size=8, **kwargs):
    return datasets.load(name, batch_size=batch_size, **kwargs)


def test_elements_are_pairs_scaled_to_one(data_dir):
    splits = load(data_dir=data_dir)
    train, _, test = splits
    kind = keras.utils.PyDataset
    if not NUMPY:
        import tensorflow

        kind = tensorflow.data.Dataset
    assert all(isinstance(split, kind) for split in splits)
    batch = next(iter(train))
    assert isinstance(batch, tuple) and len(batch) == 2
    image, label = map(numpy, batch)
    assert image.shape == (8, 8, 6, 3) and image.dtype == np.float32
    assert label.shape == (8,) and label.dtype == np.int64
    np.testing.assert_allclose(image[:, 0, 0, 0], label * 5 / 255, rtol=1e-6)
    assert [len(split) for split in splits] == [5, 1, 1]
    assert len(labels(test)) == 7


def test_info(data_dir):
    info = load(data_dir=data_dir, size=5).info
    assert info.name == "tiny_numbered/1.0.0"
    assert info.image_shape == (5, 5, 3)
    assert info.classes == 40 and info.class_names[:2] == ("0", "1")
    assert info.sizes == {"train": 36, "validation": 4, "test": 7}


def test_carved_splits_are_disjoint_and_complete(data_dir):
    train, validation, test = load(data_dir=data_dir)
    assert not set(labels(train)) & set(labels(validation))
    assert sorted(labels(train) + labels(validation)) == list(range(40))
    for split in (validation, test):  # only train is shuffled
        assert labels(split) == labels(split)
    three = load("tiny_train_only", data_dir=data_dir)
    everything = [label for split in three for label in labels(split)]
    assert sorted(everything) == list(range(40))
    assert three.info.sizes == {"train": 32, "validation": 4, "test": 4}


@pytest.mark.parametrize("cache", [True, False])
def test_epochs_differ_and_repeat_with_the_seed(data_dir, cache):
    seeds = itertools.count()

    def epochs(seed=3):
        if cache:  # what streams through `tf.data` has the global seed too
            keras.utils.set_random_seed(next(seeds))
        train = load(data_dir=data_dir, seed=seed, cache=cache)[0]
        return [labels(train) for _ in range(3)]

    first = epochs()
    assert first[0] != first[1] != first[2] != first[0]
    assert len({tuple(sorted(epoch)) for epoch in first}) == 1
    assert epochs() == first
    assert epochs(seed=4) != first


def orders_in_fit(data_dir, seed, **kwargs):
    keras.utils.set_random_seed(seed)
    train, validation, _ = load(data_dir=data_dir)
    seen, epochs = [], []

    def record(label):
        seen.extend(keras.ops.convert_to_numpy(label).ravel().tolist())

    def loss(y_true, y_pred):
        # JAX traces the loss even when it runs eagerly, so that there the
        # data set records what is asked of it.
        if not NUMPY:
            record(y_true)
        return keras.ops.mean(y_pred)

    class Recorded(type(train)):
        def __getitem__(self, index):
            batch = super().__getitem__(index)
            record(batch[1])
            return batch

    class Epochs(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.clear()

        def on_epoch_end(self, epoch, logs=None):
            epochs.append(seen[:36])

    if NUMPY:
        train.__class__ = Recorded
    model = keras.Sequential(
        [
            keras.Input((8, 6, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", loss, run_eagerly=True)
    model.fit(
        train,
        validation_data=validation,
        epochs=2,
        verbose=0,
        callbacks=[Epochs()],
        **kwargs,
    )
    return epochs


def test_the_order_in_fit_is_that_of_seed_and_epoch_alone(data_dir):
    first, second = orders = orders_in_fit(data_dir, 0)
    assert first != second
    assert sorted(first) == sorted(second) and len(set(first)) == 36
    assert orders_in_fit(data_dir, 1, shuffle=False) == orders
    train = load(data_dir=data_dir)[0]
    epochs = [labels(train) for _ in range(3)]
    # Where `fit` looks at a batch to build the model, that is an epoch.
    assert orders in (epochs[:2], epochs[1:])


def test_static_images_are_resized(data_dir):
    train, _, _ = load(data_dir=data_dir, size=(4, 12))
    image, label = map(numpy, next(iter(train)))
    assert image.shape == (8, 4, 12, 3)
    np.testing.assert_allclose(image[:, 2, 3, 1], label * 5 / 255, rtol=1e-5)


@pytest.mark.parametrize("cache", [True, False])
def test_ragged_images_boxes_masks_and_captions(data_dir, cache):
    splits = load(
        "tiny_ragged", size=16, supervised=False, data_dir=data_dir, cache=cache
    )
    assert splits.info.class_names == ("cat", "dog")
    assert splits.info.sources["test"] == "validation"
    assert splits.info.sizes == {"train": 18, "validation": 2, "test": 5}
    for batch in splits.train:
        assert set(batch) == {"image", "label", "mask", "boxes", "caption"}
        rows = len(numpy(batch["label"]))
        image, mask = numpy(batch["image"]), numpy(batch["mask"])
        assert image.shape == (rows, 16, 16, 3) and image.dtype == np.float32
        assert 0 <= image.min() < image.max() <= 1
        assert mask.shape == (rows, 16, 16, 1) and mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 1}
        for boxes, caption in zip(
            numpy(batch["boxes"]), numpy(batch["caption"]), strict=True
        ):
            text = caption if NUMPY else caption.decode()
            real = boxes[boxes.any(axis=-1)]
            assert len(real) == 1 + int(text.removeprefix("number ")) % 3
            np.testing.assert_allclose(real[0], (0, 0.25, 0.5, 1))


def test_ragged_images_need_a_size(data_dir):
    with pytest.raises(ValueError, match="Pass `size`"):
        load("tiny_ragged", data_dir=data_dir)


def test_a_folder_without_code_is_enough(data_dir, monkeypatch):
    from tensorflow_datasets.core import registered

    load("tiny_train_only", data_dir=data_dir)
    monkeypatch.delitem(registered._DATASET_REGISTRY, "tiny_train_only")
    if NUMPY:
        data_dir = data_dir / "array_record"
    splits = load("tiny_train_only:1.0.0", data_dir=data_dir)
    assert splits.info.sizes["train"] == 32


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown.*cifar10"):
        datasets.load("cifar01")
    with pytest.raises(ValueError, match=r"Unknown.*cluttered_digits"):
        datasets.load("clutered_digits/x:1.0.0")


def test_missing_features_are_named(data_dir):
    with pytest.raises(ValueError, match=r"no feature 'label'.*\['image'\]"):
        load("tiny_unlabelled", data_dir=data_dir)


@pytest.mark.parametrize(
    "name, value",
    [
        ("batch_size", 0),
        ("batch_size", 1.5),
        ("size", 0),
        ("size", (3, 4, 5)),
        ("size", (3, -4)),
        ("validation_share", 0),
        ("validation_share", 0.6),
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        datasets.load("cluttered_digits", **{name: value})


def test_plans():
    own = {"train": 10, "validation": 3, "test": 3, "unlabelled": 5}
    assert plan_splits(own, 0.1) == {
        key: key for key in ("train", "validation", "test")
    }
    assert plan_splits({"train": 50}, 0.1) == {
        "train": "train[:40]",
        "validation": "train[40:45]",
        "test": "train[45:]",
    }
    with pytest.raises(ValueError, match=r"no training split.*\['test'\]"):
        plan_splits({"test": 3}, 0.1)
    with pytest.raises(ValueError, match="validation_share"):
        plan_splits({"train": 3, "test": 3}, 0.1)


def test_without_a_network_it_is_said_at_once(tmp_path, monkeypatch):
    def refuse(address, timeout):
        asked.append(address)
        raise OSError("no network")

    asked = []
    monkeypatch.setattr(builders.socket, "create_connection", refuse)
    monkeypatch.setattr(builders.urllib.request, "getproxies", dict)
    with pytest.raises(ConnectionError, match=r"cifar10.*data_dir="):
        datasets.load("cifar10", data_dir=tmp_path)
    assert asked == [("www.cs.toronto.edu", 443)]
    # TFDS makes folders for whatever it tries, and other sets have theirs.
    downloads = tmp_path / "downloads"
    for folder in (
        "cifar10",
        "downloads/extracted",
        "downloads/cifar10/a.tmp.1",
    ):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("cifar10/a.tmp.1/part", "extracted/a"):
        (downloads / file).touch()
    with pytest.raises(ConnectionError, match="cifar10"):
        builders.check_reachable("cifar10", tmp_path)
    # What is on disk is not asked for.
    for file in ("downloads/cifar10/a", "downloads/a", "cifar10/info.json"):
        (tmp_path / file).touch()
        builders.check_reachable("cifar10", tmp_path)
        (tmp_path / file).unlink()
    assert len(asked) == 2


def test_a_folder_and_unknown_settings_are_no_data_set(tmp_path):
    with pytest.raises(ValueError, match="is a folder.*from_folder"):
        datasets.load(str(tmp_path))
    with pytest.raises(ValueError, match="Did you mean 'colour'.*There are"):
        datasets.load("cluttered_digits", color=True, data_dir=tmp_path)
