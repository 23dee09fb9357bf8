"""Arrays in memory."""

import numpy as np
import pytest

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.layout import lay_out_boxes


def pixels(count=4, shape=(6, 8, 3)):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *shape)).astype("uint8")


def test_arrays_are_kept_as_they_are():
    images = pixels()
    examples = from_arrays(images, [0, 1, 2, 1])
    np.testing.assert_array_equal(examples.images, images)
    assert examples.labels.dtype == np.int64
    assert examples.labels.tolist() == [0, 1, 2, 1]
    assert examples.class_names == ("0", "1", "2")
    assert examples.names == ("image 0", "image 1", "image 2", "image 3")
    assert examples.original_sizes.tolist() == [[6, 8]] * 4
    assert examples.masks is examples.has_mask is examples.boxes is None
    images[:] = 0
    assert examples.images.max() > 0  # a copy


def test_forms_of_images():
    images = pixels()
    for share in (images / 255, (images / 255).astype("float32")):
        examples = from_arrays(share, [0, 1, 0, 1])
        np.testing.assert_array_equal(examples.images, images)
    grey = from_arrays(images[..., 0], [0, 1, 0, 1])
    assert grey.image_shape == (6, 8, 1)
    np.testing.assert_array_equal(grey.images[..., 0], images[..., 0])
    ragged = [images[0], images[1, :4], images[2], images[3]]
    examples = from_arrays(ragged, [0, 1, 0, 1], size=(5, 7), layout="pad")
    assert examples.image_shape == (5, 7, 3) and examples.layout == "pad"
    assert examples.original_sizes.tolist()[1] == [4, 8]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda a: a.astype("int64"), "image 0: the pixels are int64; pass"),
        (lambda a: a.astype("float32"), r"floats from \d+ to 25\d, not in"),
        (lambda a: a / 255 - 1, "not in"),
        (lambda a: np.where(a == a[2, 0, 0, 0], np.nan, a / 255), "is NaN"),
        (lambda a: np.moveaxis(a, -1, 1), "argument images.*moveaxis"),
        (lambda a: a[:, 0, :, 0], "argument images"),
        (lambda a: [a[0], a[1, :3], a[2], a[3]], "image 1: .*3 x 8.*6 x 8"),
        (lambda a: [a[0], a[1, ..., :1], a[2], a[3]], "image 1: .*3 channels"),
        (lambda a: [a[0], a[1, :0], a[2], a[3]], "image 1: .*is empty"),
        (lambda a: a[:0], "argument images.*at least one"),
    ],
)
def test_images_that_are_refused(change, message):
    images = change(pixels())
    with pytest.raises(ValueError, match=message):
        from_arrays(images, [0, 1, 0, 1][: len(images)])


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 1, -1, 1], "image 2: the label -1 is negative"),
        ([0, 1, 2, 3], "image 2: the label 2 is none of 0 to 1"),
        ([0, 1, np.nan, 1], "image 2: the label is missing"),
        ([0.0, 1.0, 0.5, 1.0], "argument labels.*whole numbers"),
        (["a", "b", "c", "a"], "image 2: 'c' is none of the classes"),
        (["a", None, "b", "a"], "image 1: the label is missing"),
        ([0, 1, 0], r"argument len\(labels\).*each of 4 images"),
        (np.zeros((4, 2, 2), int), "argument labels"),
        ([[0, 2]] * 4, "image 0: the label 'b' is '2', neither 0 nor 1"),
        ([[0, np.nan]] * 4, "image 0: the label 'b' is missing"),
        ([[0, 1, 0]] * 4, "argument class_names.*3 names"),
    ],
)
def test_labels_that_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(pixels(), labels, class_names=("a", "b"))


def test_forms_of_labels():
    images = pixels()
    columns = from_arrays(images, np.array([[0], [1], [1], [0]], "uint8"))
    assert columns.labels.tolist() == [0, 1, 1, 0]
    words = from_arrays(images, np.array(["b", "a", "b", "b"]))
    assert words.class_names == ("a", "b")
    assert words.labels.tolist() == [1, 0, 1, 1]
    hot = np.eye(2, dtype="float32")[[0, 1, 1, 0]]
    many = from_arrays(images, hot)
    assert many.multi_label and many.labels.dtype == np.float32
    one = from_arrays(images, hot, one_hot=True)
    assert not one.multi_label and one.labels.tolist() == [0, 1, 1, 0]
    with pytest.raises(ValueError, match="image 1: 2 classes are 1"):
        from_arrays(images, [[0, 1], [1, 1], [0, 1], [0, 1]], one_hot=True)
    with pytest.raises(ValueError, match="argument labels"):
        from_arrays(images, [0, 1, 0, 1], one_hot=True)


def test_masks_in_their_forms_and_unknown():
    images = pixels()
    truth = np.zeros((6, 8), "uint8")
    truth[1:3, 2:5] = 1
    forms = [truth, truth[..., None] * 255, truth == 1, truth * 0.8]
    examples = from_arrays(images, [0, 1, 0, 1], masks=forms)
    assert examples.masks.dtype == np.uint8 and examples.has_mask is None
    for mask in examples.masks:
        np.testing.assert_array_equal(mask[..., 0], truth)
    known = from_arrays(
        images, [0, 1, 0, 1], masks=[truth, None, 0 * truth, None]
    )
    assert known.has_mask.tolist() == [True, False, True, False]
    assert known.masks[1:].sum() == 0
    small = from_arrays(images, [0, 1, 0, 1], masks=forms, size=3)
    assert small.masks.shape == (4, 3, 3, 1)
    assert set(np.unique(small.masks)) == {0, 1}


@pytest.mark.parametrize(
    "mask, message",
    [
        (np.zeros((6, 7)), "image 1: the mask is 6 x 7, the image 6 x 8"),
        (np.zeros((6, 8, 3)), "image 1: the mask has shape"),
        (np.full((6, 8), np.nan), "image 1: the mask has floats outside"),
        (np.full((6, 8), 2.0), "image 1: the mask has floats outside"),
        (np.full((6, 8), 20), "image 1: .*largest value is 20"),
        (np.full((6, 8), -1), "image 1: the mask has values"),
        (np.array([["a"]]), "image 1: the mask has values"),
    ],
)
def test_masks_that_are_refused(mask, message):
    masks = [None, mask, None, None]
    with pytest.raises(ValueError, match=message):
        from_arrays(pixels(), [0, 1, 0, 1], masks=masks)


def test_boxes_are_moved_with_the_layout():
    boxes = [[[0, 0, 0.5, 0.5]], [], [[0, 0, 1, 1], [0, 0, 1, 0.1]], []]
    examples = from_arrays(
        pixels(), [0, 1, 0, 1], boxes=boxes, size=6, layout="crop"
    )
    assert [len(found) for found in examples.boxes] == [1, 0, 1, 0]
    for found, given in zip(examples.boxes, boxes, strict=True):
        assert found.dtype == np.float32 and found.shape[1:] == (4,)
        expected = lay_out_boxes(
            np.reshape(given, (-1, 4)), (6, 8), (6, 6), "crop"
        )
        np.testing.assert_array_equal(found, expected)
    edge = from_arrays(pixels(1), [1], boxes=[[[0, 0, 1 + 1e-6, 1]]])
    assert edge.boxes[0].max() == 1


@pytest.mark.parametrize(
    "box, message",
    [
        ([0.5, 0, 0.2, 1], r"image 1: box 1 .* ends before it begins"),
        ([0, 0.5, 1, 0.2], "ends before it begins"),
        ([0, 0, 1, 1.5], "lies outside the image; boxes are shares"),
        ([-0.1, 0, 1, 1], "lies outside the image"),
        ([0, 0, np.nan, 1], "is not finite"),
        ([0, 0.5, 1, 0.5], "has no area"),
        ([10, 10, 50, 60], "lies outside the image"),
    ],
)
def test_boxes_that_are_refused(box, message):
    boxes = [[], [[0, 0, 1, 1], box], [], []]
    with pytest.raises(ValueError, match=message):
        from_arrays(pixels(), [0, 1, 0, 1], boxes=boxes)
    with pytest.raises(ValueError, match=r"image 0: the boxes have shape \(4,"):
        from_arrays(pixels(), [0, 1, 0, 1], boxes=[[0, 0, 1, 1], [], [], []])
    for odd in ([[0, 0, 1], [1]], [["a", 0, 1, 1]]):
        with pytest.raises(ValueError, match="image 2: the boxes are no numb"):
            from_arrays(pixels(), [0, 1, 0, 1], boxes=[[], [], odd, []])


def test_groups_names_and_lengths():
    examples = from_arrays(
        pixels(), [0, 1, 0, 1], groups=["p", "p", "q", "q"], names="abcd"
    )
    assert examples.groups.tolist() == ["p", "p", "q", "q"]
    assert examples.names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match="c: the group is missing"):
        from_arrays(
            pixels(), [0, 1, 0, 1], groups=["p", "p", None, "q"], names="abcd"
        )
    for groups in ([(1, 2)] * 4, [(1,), (1, 2), (1,), 3]):
        with pytest.raises(ValueError, match="a word or a number for each"):
            from_arrays(pixels(), [0, 1, 0, 1], groups=groups)
    for name in ("masks", "boxes", "groups", "names"):
        with pytest.raises(ValueError, match=rf"len\({name}\).*Received.*=1"):
            from_arrays(pixels(), [0, 1, 0, 1], **{name: ["x"]})


def test_everything_wrong_is_in_one_message():
    images = pixels(6) / 255
    images[3, 0, 0, 0] = np.nan
    with pytest.raises(ValueError) as raised:
        from_arrays(images, [0, 1, 0, -1, 0, -2], groups=[1, 2, 3, 4, 5, None])
    assert "The arrays: 4 problems" in str(raised.value)


@pytest.mark.parametrize("channels", [2, 4, 9])
def test_any_number_of_channels(channels):
    images = pixels(shape=(6, 8, channels))
    examples = from_arrays(images, [0, 1, 0, 1])
    np.testing.assert_array_equal(examples.images, images)
    assert from_arrays(images, [0, 1, 0, 1], size=4).image_shape[2] == channels


@pytest.mark.parametrize(
    "labels",
    [
        [["cat", "dog"], ["cat"], [], ["dog"]],
        ["['cat', 'dog']", "['cat']", "[]", "['dog']"],
    ],
)
def test_lists_of_classes(labels):
    examples = from_arrays(pixels(), labels)
    assert examples.class_names == ("cat", "dog")
    assert examples.labels.tolist() == [[1, 1], [1, 0], [0, 0], [0, 1]]
    pairs = from_arrays(pixels(2), [["cat", "dog"], ["dog", "ape"]])
    assert pairs.labels.tolist() == [[0, 1, 1], [1, 0, 1]]
    with pytest.raises(ValueError, match="image 1: the label 'cat' is no list"):
        from_arrays(pixels(), [labels[0], "cat", labels[2], labels[3]])


def test_numbers_that_are_no_classes():
    with pytest.raises(ValueError) as raised:
        from_arrays(pixels(), [0, 1, 10_000_000, 2**63 - 1])
    assert len(raised.value.problems) == 2
    assert "image 2: the label 10000000 would make more" in str(raised.value)
    assert "than the 4 that occur" in str(raised.value)
    assert from_arrays(pixels(), [0, 1, 999, 2]).classes == 1000


def test_regression_and_weights():
    numbers, pairs = [0.5, 1, 2, -3], np.arange(8).reshape(4, 2) / 2
    examples = from_arrays(
        pixels(), numbers, regression=True, weights=[0, 1, 2, 0.5]
    )
    assert examples.labels.dtype == examples.weights.dtype == np.float32
    assert examples.labels.tolist() == numbers and not examples.class_names
    assert examples.weights.tolist() == [0, 1, 2, 0.5]
    several = from_arrays(pixels(), pairs, regression=True)
    np.testing.assert_array_equal(several.labels, pairs)
    with pytest.raises(ValueError, match="image 1: the label is miss"):
        from_arrays(pixels(), [1, np.nan, 2, 3], regression=True)
    with pytest.raises(ValueError, match="image 3: the weight is -1, below"):
        from_arrays(pixels(), numbers, regression=True, weights=[1, 1, 1, -1.0])
    for options in (dict(class_names=("a", "b")), dict(one_hot=True)):
        with pytest.raises(ValueError, match="argument regression"):
            from_arrays(pixels(), numbers, regression=True, **options)
    with pytest.raises(ValueError, match="argument labels"):
        from_arrays(pixels(), [[1], [1, 2], [1], [1]], regression=True)
