"""Data sets that are packed into one file."""

import io
import pathlib
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets.duplicates import find_duplicates
from keras_attention.datasets.npz import from_npz
from keras_attention.internals import archive

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data"


def pixels(count=4, shape=(6, 8, 3)):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *shape)).astype("uint8")


def pack(path, images, **arrays):
    """A file in the packed layout, of PNGs so that pixels are exact."""
    parts = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        parts.append(buffer.getvalue())
    offsets = np.cumsum([0, *map(len, parts)])
    contents = dict(
        jpeg=np.frombuffer(b"".join(parts), "uint8"),
        offsets=offsets,
        split=np.array([0, 2, 0, 1], "uint8"),
        label=np.array([1, 0, 0, 1], "uint8"),
        class_names=np.array(["cat", "dog"]),
    )
    contents |= arrays
    contents = {k: v for k, v in contents.items() if v is not None}
    np.savez_compressed(path, **contents)
    return path


@pytest.fixture
def packed(tmp_path):
    masks = np.zeros((4, 6, 8), "uint8")
    masks[:, 2:4, 1:5] = 1
    masks[1] = 1 - masks[1]
    return pack(
        tmp_path / "pets.npz",
        pixels(),
        names=np.array(list("wxyz")),
        coarse_label=np.array([0, 2, 1, 1]),
        coarse_names=np.array(["a", "b", "c"]),
        word=np.array(["no", "yes", "no", "no"]),
        boxes=np.array([[0.5, 0, 1, 0.25], [0, 0, 1, 1], [0, 0.5, 0.25, 1]]),
        box_image=np.array([2, 0, 2]),
        box_label=np.array([0, 1, 1]),
        pseudo_mask=np.packbits(masks.reshape(4, -1), axis=1),
        pseudo_ok=np.array([True, True, False, True]),
    )


def test_a_packed_file(packed):
    splits = from_npz(packed)
    train, validation, test = splits
    images = pixels()
    np.testing.assert_array_equal(train.images, images[[0, 2]])
    np.testing.assert_array_equal(validation.images, images[[3]])
    np.testing.assert_array_equal(test.images, images[[1]])
    assert train.labels.tolist() == [1, 0] and train.names == ("w", "y")
    assert train.has_mask.tolist() == [True, False]
    assert train.masks[0, :, :, 0].sum() == 8 and train.masks[1].sum() == 0
    assert test.masks.sum() == 40
    assert train.boxes[0].tolist() == [[0, 0, 1, 1]]
    # [xmin, ymin, xmax, ymax] became (ymin, xmin, ymax, xmax).
    assert train.boxes[1].tolist() == [[0, 0.5, 0.25, 1], [0.5, 0, 1, 0.25]]
    assert test.boxes[0].shape == (0, 4)
    info = splits.info
    assert info.name == "pets" and info.class_names == ("cat", "dog")
    assert info.image_shape == (6, 8, 3)
    assert info.sizes == {"train": 2, "validation": 1, "test": 1}
    assert info.sources["test"] == "pets.npz[split == 2]"


def test_names_in_bytes_are_words(tmp_path):
    names = dict(names=np.array([b"w", b"x", b"y", b"z"]))
    names["class_names"] = np.array(["cät".encode(), b"dog"])
    labels = dict(split=np.array([0, 0, 1, 2]), label=np.array([0, 1, 0, 1]))
    pack(tmp_path / "pets.npz", pixels(), **names, **labels)
    splits = from_npz(tmp_path / "pets.npz")
    assert splits.info.class_names == ("cät", "dog")
    assert splits.train.names == ("w", "x")


def test_other_labels_of_a_packed_file(packed):
    coarse = from_npz(packed, label="coarse_label", size=4, channels=1)
    assert coarse.info.class_names == ("a", "b", "c")
    assert coarse.test.labels.tolist() == [2]
    assert coarse.info.image_shape == (4, 4, 1)
    word = from_npz(packed, label="word")
    assert word.info.class_names == ("no", "yes")
    assert word.test.labels.tolist() == [1]
    boxes = from_npz(packed, label="box_label")
    assert boxes.train.labels.tolist() == [[0, 1], [1, 1]]
    assert boxes.test.labels.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "arrays, message",
    [
        (dict(split=None), "no array 'split'"),
        (dict(label=None), "no array 'label'.*It has class_names, jpeg"),
        (dict(split=np.zeros(3)), "4 images and 3 entries of split"),
        (dict(split=np.array([0, 1, 2, 7])), r"0, 1 or 2, not \[7\]"),
        (dict(offsets=np.arange(5)), "offsets do not divide"),
        (dict(label=np.array([0, 1, 2, 0])), r"pets\[2\]: the label 2 is none"),
        (dict(label=np.zeros(3, int)), "argument label"),
        (dict(boxes=np.zeros((1, 4))), "box_image has to say"),
        (
            dict(boxes=np.array([[1, 0, 0, 1.0]]), box_image=np.array([3])),
            r"pets\[3\]: box 0 .*ends before",
        ),
        (dict(pseudo_mask=np.zeros((4, 2), "uint8")), "mask has 16 bits"),
        (
            dict(names=np.array([{}] * 4)),
            "cannot be read: names.npy: it holds Python",
        ),
    ],
)
def test_packed_files_that_are_refused(tmp_path, arrays, message):
    path = pack(tmp_path / "pets.npz", pixels(), **arrays)
    with pytest.raises(ValueError, match=message):
        from_npz(path)


def test_files_that_are_not_packed(tmp_path, packed):
    with pytest.raises(ValueError, match="argument path.*an .npz file"):
        from_npz(tmp_path / "absent.npz")
    data = packed.read_bytes()
    packed.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="is damaged, or no .npz file"):
        from_npz(packed)
    path = pack(tmp_path / "pets.npz", pixels())
    arrays = dict(np.load(path))
    start = arrays["offsets"][2]
    arrays["jpeg"][start : start + 20] = 0
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"pets\[2\]: The image in the file"):
        from_npz(path)


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    return path


@pytest.mark.long
def test_real_skin_lesions():
    train, validation, test = from_npz(shared("isic_uda1_224.npz"), size=48)
    assert (len(train), len(validation), len(test)) == (390, 56, 111)
    assert np.bincount(train.labels).tolist() == [278, 112]
    assert train.class_names == ("benign", "malignant")
    known = [part.has_mask.sum() for part in (train, validation, test)]
    assert sum(known) == 459
    names = [
        {o.name for o in group}
        for group in find_duplicates(train, validation, test)
    ]
    assert {"ISIC_0000279", "ISIC_0000280"} in names


@pytest.mark.long
def test_real_blood_cells():
    train, *_ = from_npz(
        shared("bccd_320x240.npz"), size=64, layout="pad", label="box_label"
    )
    assert train.multi_label and len(train) == 205
    boxes = np.concatenate(train.boxes)
    assert len(boxes) == 2381 + 214 + 209
    # 320 x 240 in a square leaves an eighth above and below.
    assert boxes[:, 0].min() >= 0.125 and boxes[:, 2].max() <= 0.875


@pytest.mark.long
def test_sixty_thousand_small_images():
    start = time.process_time()
    splits = from_npz(shared("cifar10_jpeg.npz"))
    assert time.process_time() - start < 20
    assert splits.info.sizes == {"train": 50000, "validation": 0, "test": 10000}
    means = splits.train.images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(means, [125.27, 122.93, 113.86], atol=0.01)


def counting(monkeypatch):
    read = []
    real = np.lib.format.read_array
    monkeypatch.setattr(
        np.lib.format,
        "read_array",
        lambda *args, **kwargs: read.append(real(*args, **kwargs)) or read[-1],
    )
    return read


@pytest.mark.parametrize(
    "arrays, options, message",
    [
        (dict(names=np.zeros(4, "U99999")), {}, "would take 1,60.*max_bytes"),
        (dict(split=None, names=np.zeros(4, "U99999")), {}, "array 'split'"),
        (dict(split=np.zeros(5, int)), {}, "4 images and 5 entries of split"),
        ({}, dict(max_bytes=99), "more than 99; pass max_bytes"),
        (dict(split=np.zeros((4, 1), int)), {}, "split has the shape .4, 1."),
    ],
)
def test_nothing_is_read_before_it_is_checked(
    tmp_path, monkeypatch, arrays, options, message
):
    path = pack(tmp_path / "pets.npz", pixels(), **arrays)
    monkeypatch.setattr(archive, "LEAST_LIMIT", 2**16)
    read = counting(monkeypatch)
    with pytest.raises(ValueError, match=message):
        from_npz(path, **options)
    assert not read


def test_what_is_not_asked_for_is_not_read(tmp_path, monkeypatch):
    path = pack(tmp_path / "pets.npz", pixels(), other=np.zeros(2**23, "u1"))
    read = counting(monkeypatch)
    assert len(from_npz(path).train) == 2
    assert max(array.nbytes for array in read) < 10_000
    monkeypatch.setattr(archive, "LEAST_LIMIT", 2**16)
    large = pack(tmp_path / "large.npz", pixels(), names=np.zeros(4, "U99999"))
    assert from_npz(large, max_bytes=2**21).train.names == ("", "")


def test_a_header_that_lies_is_refused(tmp_path):
    path = pack(tmp_path / "pets.npz", pixels())
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, dict(descr="|u1", fortran_order=False, shape=(10**15,))
    )
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["jpeg.npy"] = header.getvalue() + b"short"
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    with pytest.raises(
        ValueError, match="jpeg.npy: .*10{15} bytes, there are 5"
    ):
        from_npz(path)


@pytest.mark.parametrize(
    "box_label, message",
    [
        ([0, -1], r"pets\[2\]: box 1: the label -1 is negative"),
        ([0, 5], r"pets\[2\]: box 1: the label 5 is none of 0 to 1"),
        ([0, 0.5], "argument box_label: .*whole numbers"),
        ([0], "argument box_label"),
        ([[0, 1], [0, 1]], "argument box_label"),
    ],
)
def test_labels_of_boxes_that_are_refused(tmp_path, box_label, message):
    path = pack(
        tmp_path / "pets.npz",
        pixels(),
        boxes=np.array([[0, 0, 1, 1.0]] * 2),
        box_image=np.array([0, 2]),
        box_label=np.array(box_label),
    )
    with pytest.raises(ValueError, match=message):
        from_npz(path, label="box_label")


def test_boxes_of_one_class(tmp_path):
    for names in (np.array(["cell"]), None):
        path = pack(
            tmp_path / "pets.npz",
            pixels(),
            class_names=names,
            boxes=np.array([[0, 0, 1, 1.0]]),
            box_image=np.array([2]),
            box_label=np.array([0]),
        )
        train = from_npz(path, label="box_label").train
        assert train.labels.tolist() == [[0], [1]]
        assert train.class_names == (("0",) if names is None else ("cell",))
    path = pack(
        path,
        pixels(),
        class_names=None,
        box_image=np.array([2, 2]),
        box_label=np.array([0, 10**9]),
    )
    with pytest.raises(ValueError, match="box 1: .*would make more classes"):
        from_npz(path, label="box_label")
