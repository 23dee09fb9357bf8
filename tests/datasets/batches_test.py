import concurrent.futures
import pickle
import tracemalloc

import keras
import numpy as np
import pytest

from keras_attention.datasets.augmentation import Augmentation
from keras_attention.datasets.batches import batches
from keras_attention.datasets.examples import Examples
from keras_attention.evaluation import compare

COUNT = 22


def make(count=COUNT, classes=2, **fields):
    """Examples whose pixels are their number."""
    images = np.arange(count, dtype="uint8")[:, None, None, None]
    images = np.broadcast_to(images, (count, 8, 6, 3)).copy()
    fields.setdefault("labels", np.arange(count) % (classes or 1))
    return Examples(
        images=images,
        class_names=tuple(f"class {index}" for index in range(classes)),
        names=tuple(map(str, range(count))),
        **fields,
    )


def numbers(images):
    return np.rint(np.asarray(images)[:, 0, 0, 0] * 255).astype(int).tolist()


def epoch(data):
    return [number for images, _ in data for number in numbers(images)]


def test_elements_are_pairs_scaled_to_one():
    data = batches(make(), 8)
    assert isinstance(data, keras.utils.PyDataset) and len(data) == 3
    images, labels = data[0]
    assert images.dtype == np.float32 and images.shape == (8, 8, 6, 3)
    assert labels.dtype == np.int64 and labels.shape == (8,)
    expected = np.arange(8, dtype="float32")[:, None, None, None] / 255
    np.testing.assert_array_equal(
        images, np.broadcast_to(expected, (8, 8, 6, 3))
    )
    assert len(data[2][1]) == len(data[-1][1]) == 6
    with pytest.raises(IndexError):
        data[3]


def test_multi_label():
    labels = (np.arange(COUNT * 3).reshape(COUNT, 3) % 2).astype("uint8")
    data = batches(make(classes=3, labels=labels), 8)
    assert data[0][1].dtype == np.float32
    np.testing.assert_array_equal(data[0][1], labels[:8])


@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 2)])
def test_a_regression(shape):
    labels = np.random.default_rng(0).random(shape).astype("float32")
    examples = make(classes=0, labels=labels)
    data = batches(examples, 8)
    assert data[0][1].dtype == np.float32
    np.testing.assert_array_equal(data[0][1], labels[:8])
    with pytest.raises(ValueError, match="argument labels"):
        batches(examples, seed=0, balance=True)


@pytest.mark.parametrize("threads", [0, 2])
def test_what_is_not_finite_never_reaches_fit(threads):
    def augment(elements, epoch, positions):
        images = elements["image"].astype("float32")
        images[np.isin(positions, (3, 5)), 0, 0] = (np.nan, np.inf, 0)
        return {**elements, "image": images}

    data = batches(make(), 8, augment=augment, threads=threads)
    with pytest.raises(ValueError, match="pixels of 2 images: '3', '5'[.]"):
        next(iter(data))
    assert np.isfinite(data[1][0]).all()


@pytest.mark.parametrize("lost", ["label", "weight", "mask"])
def test_an_augmentation_may_not_lose_anything(lost):
    def augment(elements, epoch, positions):
        left = {name: x for name, x in elements.items() if name != lost}
        return left | {"of its own": 3}

    examples = boxed(weights=np.ones(COUNT, "float32"))
    data = batches(examples, 4, targets=["label", "mask"], augment=augment)
    with pytest.raises(ValueError, match=f"augment has to return 4 of {lost}"):
        data[0]
    batches(examples, supervised=False, augment=augment)[0]
    data = batches(
        examples, 4, augment=lambda x, *_: x | {"image": x["image"][1:]}
    )
    with pytest.raises(ValueError, match="to return 4 of image. Received.*: 3"):
        data[0]


def test_boxes_are_padded_when_they_are_asked_for():
    boxes = [np.ones((1, 4), "float32")] * COUNT
    boxes[3] = np.ones((50_000, 4), "float32")
    tracemalloc.start()
    data = batches(make(boxes=boxes), 1, supervised=False)
    assert data[0]["boxes"].shape == (1, 50_000, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * boxes[3].nbytes < COUNT * boxes[3].nbytes


def test_order():
    fixed = batches(make(), 8)
    assert epoch(fixed) == epoch(fixed) == list(range(COUNT))

    def orders(seed):
        data = batches(make(), 8, seed=seed)
        return [epoch(data) for _ in range(3)]

    keras.utils.set_random_seed(1)
    first = orders(3)
    assert first[0] != first[1] != first[2] != first[0]
    assert all(sorted(order) == list(range(COUNT)) for order in first)
    keras.utils.set_random_seed(2)
    assert orders(3) == first != orders(4)
    later = batches(make(), 8, seed=3)
    later.epoch = 2
    assert epoch(later) == first[2] and later.epoch == 3


def test_labels_follow_their_images():
    for images, labels in batches(make(), 5, seed=0):
        assert labels.tolist() == [number % 2 for number in numbers(images)]


def boxed(**fields):
    boxes = [
        np.full((index % 4, 4), (0.1, 0.2, 0.3, 0.4), "float32")
        for index in range(COUNT)
    ]
    masks = np.zeros((COUNT, 8, 6, 1), "uint8")
    masks[:, :4] = 1
    return make(boxes=boxes, masks=masks, **fields)


@pytest.mark.parametrize("augment", [None, Augmentation(flip="horizontal")])
def test_dicts_hold_what_there_is(augment):
    assert set(batches(make(), supervised=False)[0]) == {"image", "label"}
    examples = boxed(has_mask=np.arange(COUNT) % 3 == 0)
    data = batches(examples, 4, supervised=False, seed=0, augment=augment)
    for batch in data:
        count = len(batch["label"])
        assert set(batch) == {"image", "label", "mask", "has_mask", "boxes"}
        assert batch["mask"].shape == (count, 8, 6, 1)
        assert batch["mask"].dtype == np.uint8
        assert batch["has_mask"].dtype == bool
        # One number over the whole set.
        assert batch["boxes"].shape == (count, 3, 4)
        assert batch["boxes"].dtype == np.float32
        which = np.array(numbers(batch["image"]))
        np.testing.assert_array_equal(batch["has_mask"], which % 3 == 0)
        real = batch["boxes"].any(axis=-1).sum(axis=-1)
        np.testing.assert_array_equal(real, which % 4)


def test_no_boxes_at_all():
    empty = [np.zeros((0, 4), "float32")] * COUNT
    for augment in (None, Augmentation(rotation=5)):
        data = batches(make(boxes=empty), supervised=False, augment=augment)
        assert data[0]["boxes"].shape == (COUNT, 0, 4)


def test_augmentation_is_that_of_the_position():
    asked = []

    def augment(elements, epoch, positions):
        assert elements["image"].dtype == np.uint8
        asked.append((epoch, positions.tolist()))
        return {**elements, "image": elements["image"] // 2}

    data = batches(make(), 8, seed=0, augment=augment)
    found = [epoch(data), epoch(data)]
    starts = (range(8), range(8, 16), range(16, 22))
    assert asked == [(e, list(part)) for e in (0, 1) for part in starts]
    assert sorted(found[0]) == sorted(number // 2 for number in range(COUNT))


def test_the_examples_themselves_stay_as_they_are():
    examples = boxed()
    images, masks = examples.images.copy(), examples.masks.copy()
    augment = Augmentation("both", 30, 0.2, 0.2, 3, 0.2, 0.2)
    for batch in batches(examples, 8, supervised=False, augment=augment):
        batch["image"][:] = 0
        batch["mask"][:] = 7
    np.testing.assert_array_equal(examples.images, images)
    np.testing.assert_array_equal(examples.masks, masks)


def test_balance():
    labels = np.repeat([0, 1], [19, 3])
    data = batches(make(labels=labels), 8, seed=0, balance=True)
    for _ in range(3):
        drawn = np.concatenate([labels for _, labels in data])
        assert np.bincount(drawn).tolist() == [11, 11]
    # Drawn several times, an example looks different each time.
    augment = Augmentation(translation=0.5, zoom=0.5)
    rare = make(labels=np.array([0] * 21 + [1]))
    data = batches(rare, COUNT, seed=0, balance=True, augment=augment)
    images, labels = data[0]
    assert len({image.tobytes() for image in images[labels == 1]}) > 8


@pytest.mark.parametrize(
    "kwargs, message",
    [
        (dict(batch_size=0), "batch_size"),
        (dict(batch_size=2.5), "batch_size"),
        (dict(seed=-1), "seed"),
        (dict(seed=True), "seed"),
        (dict(supervised=1), "supervised"),
        (dict(augment="flip"), "augment"),
        (dict(balance=1), "balance"),
        (dict(balance=True), "seed: .* balance=True"),
    ],
)
def test_bad_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        batches(make(), **kwargs)


def test_what_cannot_be_batched_or_balanced():
    with pytest.raises(ValueError, match="examples: .*'tuple'"):
        batches((make(),))
    with pytest.raises(ValueError, match="at least one"):
        batches(make()[[]])
    with pytest.raises(ValueError, match=r"none of \[2\]"):
        lonely = make(classes=3, labels=np.arange(COUNT) % 2)
        batches(lonely, seed=0, balance=True)
    with pytest.raises(ValueError, match="multi-label"):
        several = make(labels=np.ones((COUNT, 2), "float32"))
        batches(several, seed=0, balance=True)
    with pytest.raises(ValueError, match="epoch"):
        batches(make()).epoch = -1


def linear_model():
    inputs = keras.Input((8, 6, 3))
    x = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(2, kernel_initializer="zeros")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def fitted(epochs, stop=None):
    """Weights after training, with an interruption before epoch `stop`."""
    augment = Augmentation(flip="both", brightness=0.3, rotation=10, seed=1)

    def data():
        return batches(make(), 4, seed=0, augment=augment)

    model = linear_model()
    options = dict(shuffle=False, verbose=0)
    if stop is None:
        model.fit(data(), epochs=epochs, **options)
    else:
        model.fit(data(), epochs=stop, **options)
        model.compile(model.optimizer, model.loss)
        resumed = data()
        resumed.epoch = stop
        model.fit(resumed, epochs=epochs, initial_epoch=stop, **options)
    return model.get_weights()[0]


@pytest.mark.computing
def test_fit_repeats_itself_interrupted_or_not():
    weights = fitted(4)
    assert np.abs(weights).max() > 0
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(fitted(4, stop=2), weights)


def test_threads_and_processes_change_nothing():
    augment = Augmentation("both", 30, 0.2, 0.2, 3, 0.2, 0.2)
    data = batches(boxed(), 4, seed=0, supervised=False, augment=augment)
    data.epoch = 3
    expected = [data[index] for index in range(len(data))]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(data.__getitem__, range(len(data))))
    copy = pickle.loads(pickle.dumps(data))
    copies = [copy[index] for index in reversed(range(len(data)))][::-1]
    for batch, *others in zip(expected, threads, copies, strict=True):
        for other in others:
            for name, values in batch.items():
                np.testing.assert_array_equal(other[name], values)


@pytest.mark.computing
def test_fit_sees_another_order_every_epoch_and_the_same_every_run():
    def orders(global_seed):
        keras.utils.set_random_seed(global_seed)
        data = batches(make(), 4, seed=0)
        seen = []
        take = type(data).__getitem__

        class Watched(type(data)):
            def __getitem__(self, index):
                images, labels = take(self, index)
                seen.append((self.epoch, index, numbers(images)))
                return images, labels

        data.__class__ = Watched
        linear_model().fit(data, epochs=3, verbose=0, shuffle=False)
        # Batches that Keras only looks at to learn their shapes come before.
        return {
            number: [
                n
                for index in range(6)
                for n in next(s[2] for s in seen if s[:2] == (number, index))
            ]
            for number in (1, 2, 3)
        }

    found = orders(0)
    assert found[1] != found[2] != found[3] != found[1]
    assert all(sorted(order) == list(range(COUNT)) for order in found.values())
    assert orders(1) == found
    plain = batches(make(), 4, seed=0)
    assert [epoch(plain) for _ in range(4)][1:] == list(found.values())


@pytest.mark.computing
def test_compare_evaluate_and_predict_take_them():
    model = linear_model()
    model.compile(loss=model.loss, metrics=["accuracy"])
    data = batches(boxed(), 4, supervised=False)
    rows = compare({"plain": model}, data).rows
    assert rows[0]["images"] == COUNT
    np.testing.assert_allclose(rows[0]["object_share"], 0.5)
    pairs = batches(boxed(), 4)
    assert model.evaluate(pairs, verbose=0)[1] == rows[0]["accuracy"]
    assert model.predict(pairs, verbose=0).shape == (COUNT, 2)


def test_what_cannot_be_balanced_or_masked_is_said():
    photos = make(labels=np.zeros(COUNT, int))
    with pytest.raises(ValueError, match=r"For balance=True.*none of \[1\]"):
        batches(photos, balance=True, seed=0)
    with pytest.raises(ValueError, match="these examples have no masks"):
        batches(photos, targets=["label", "mask"])
