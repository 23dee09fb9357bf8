"""Several data sets as one."""

import dataclasses
import pickle

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.batches import batches
from keras_attention.datasets.concatenate import concatenate
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.splits import split
from keras_attention.datasets.table import from_table


def arrays(count=4, start=0, **options):
    images = np.zeros((count, 6, 8, 3), "uint8")
    images += np.arange(start, start + count, dtype="uint8")[
        :, None, None, None
    ]
    labels = np.arange(count) % 2
    names = [f"{start}+{index}" for index in range(count)]
    options = dict(class_names=("a", "b"), names=names) | options
    return from_arrays(images, labels, **options)


@pytest.fixture
def read(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for index in range(5):
        size = (10 + index, 12)
        image = rng.integers(0, 256, (*size, 3)).astype("uint8")
        Image.fromarray(image).save(tmp_path / f"{index}.png")
        Image.fromarray((image[..., 0] > 99).astype("uint8")).save(
            tmp_path / f"m{index}.png"
        )
        rows.append({"image": f"{index}.png", "label": "ab"[index % 2]})

    def read(cache=None, **options):
        options = dict(images=tmp_path, size=(6, 8), cache=cache) | options
        return from_table(rows, image="image", label="label", **options)

    return read


def test_arrays_one_behind_the_other():
    one, two = arrays(4), arrays(3, 10)
    whole = concatenate(one, two, one[:0])
    assert isinstance(whole.images, np.ndarray)
    assert whole.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 10, 11, 12]
    assert whole.labels.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert whole.names == one.names + two.names
    assert whole.original_sizes.tolist() == [[6, 8]] * 7
    assert whole.masks is whole.boxes is whole.groups is whole.weights is None


@pytest.mark.parametrize("cache", [None, "disk"])
def test_what_is_decoded_when_asked_stays_so(
    read, cache, monkeypatch, tmp_path
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    later, whole = read(cache), read("memory")
    joined = concatenate(later[[3, 1]], arrays(4), later, later[[0]])
    assert isinstance(joined.images, Pixels)
    expected = np.concatenate(
        [whole.images[[3, 1]], arrays(4).images, whole.images, whole.images[:1]]
    )
    np.testing.assert_array_equal(joined.images, expected)
    # And again: parts of parts.
    again = concatenate(joined[[5, 0]], joined[2:4])
    np.testing.assert_array_equal(again.images, expected[[5, 0, 2, 3]])
    copy = pickle.loads(pickle.dumps(again.images))
    np.testing.assert_array_equal(copy, again.images)
    sizes = [joined.to_original(np.ones((2, 2)), i).shape for i in (0, 2, 6)]
    assert sizes == [(13, 12), (6, 8), (10, 12)]


def test_what_cannot_be_read_is_named_once(read, tmp_path):
    joined = concatenate(arrays(2), read())
    (tmp_path / "3.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="row 3: The image") as raised:
        joined.images[5]
    assert str(raised.value).count("row 3") == 1


@pytest.mark.parametrize("cache", [None, "memory"])
def test_masks_that_a_part_lacks_are_not_known(read, cache):
    truth = np.ones((6, 8), "uint8")
    masked = read(cache, mask="m{id}.png")
    some = arrays(3, masks=[truth, None, truth])
    joined = concatenate(masked, arrays(2), some)
    assert joined.has_mask.tolist() == [True] * 5 + [False] * 2 + [
        True,
        False,
        True,
    ]
    np.testing.assert_array_equal(joined.masks[:5], masked.masks[:5])
    assert joined.masks[5:].sum(axis=(1, 2, 3)).tolist() == [0, 0, 48, 0, 48]
    assert concatenate(masked, masked).has_mask is None


def test_a_name_of_two_images_is_told_apart(read):
    one, two = arrays(4), arrays(4, 10)
    same = dataclasses.replace(two, names=one.names)
    whole = concatenate(one, same, one[:1])
    assert whole.names == (
        *one.names, *(f"{name} of part 1" for name in one.names), "0+0",
    )  # fmt: skip
    train, test = split(concatenate(arrays(10), same), (0.5, 0.5))
    assert len(train) + len(test) == 14
    later = read()
    elsewhere = dataclasses.replace(same, names=later.names[:4])
    assert concatenate(later, later).names == later.names * 2
    whole = concatenate(later, elsewhere)
    assert whole.names[5:] == tuple(f"{i}.png of part 1" for i in range(4))


def test_groups_boxes_and_weights():
    options = dict(groups=["p", "q"], boxes=[[[0, 0, 1, 1]], []])
    one = arrays(2, weights=[2, 3], **options)
    joined = concatenate(one, arrays(2, 5, **options))
    assert joined.groups.tolist() == ["p", "q"] * 2
    assert [len(boxes) for boxes in joined.boxes] == [1, 0, 1, 0]
    assert joined.weights.dtype == np.float32
    assert joined.weights.tolist() == [2, 3, 1, 1]


@pytest.mark.parametrize(
    "other, message",
    [
        (dict(class_names=("a", "c")), "0 and 1 differ in class_names: .*'c'"),
        (dict(size=5), r"differ in image_shape: \(6, 8, 3\) and \(5, 5, 3\)"),
        (dict(size=(6, 8), layout="pad"), "in layout: stretch and pad"),
        (dict(groups=["x"] * 4), "differ in having groups: False and True"),
        (dict(boxes=[[]] * 4), "differ in having boxes: False and True"),
    ],
)
def test_what_differs_is_named(other, message):
    with pytest.raises(ValueError, match=message):
        concatenate(arrays(), arrays(**other))


def test_kinds_of_labels_do_not_mix():
    several = dataclasses.replace(arrays(), labels=np.ones((4, 2), "float32"))
    with pytest.raises(ValueError, match="differ in labels: .'i'.* and .'f'"):
        concatenate(arrays(), several)
    for parts in ((), (1,), ([arrays()],)):
        with pytest.raises(ValueError, match="argument examples"):
            concatenate(*parts)


def test_the_whole_can_be_divided_and_batched(read):
    joined = concatenate(read(), arrays(15, 100))
    train, test = split(joined, (0.7, 0.3))
    assert len(train) + len(test) == 20
    images, labels = next(iter(batches(train, 4, seed=0)))
    assert images.shape == (4, 6, 8, 3) and labels.shape == (4,)
