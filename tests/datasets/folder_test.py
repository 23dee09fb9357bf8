"""Folders of class folders."""

import os

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets import files as files_module
from keras_attention.datasets.folder import from_folder
from keras_attention.datasets.folder import from_split_folders


def save(path, value=100, size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path, "PNG")


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    for index in range(3):
        save(root / "dog" / f"{index}.png", 10 + index)
    for index in range(2):
        save(root / "cat" / f"{index}.jpg", 100 + index)
    return root


def test_folders_are_classes_in_sorted_order(pets):
    examples = from_folder(pets)
    assert examples.class_names == ("cat", "dog")
    assert examples.labels.dtype == np.int64
    assert examples.labels.tolist() == [0, 0, 1, 1, 1]
    assert examples.names[:3] == ("cat/0.jpg", "cat/1.jpg", "dog/0.png")
    assert examples.images[:, 0, 0, 0].tolist() == [100, 101, 10, 11, 12]
    assert examples.image_shape == (8, 12, 3)
    small = from_folder(str(pets), size=4, layout="pad", channels=1)
    assert small.image_shape == (4, 4, 1) and small.layout == "pad"
    turned = from_folder(pets, class_names=["dog", "cat", "bird"])
    assert turned.labels.tolist() == [1, 1, 0, 0, 0]
    assert turned.class_names == ("dog", "cat", "bird")


def test_classes_that_sound_like_nothing_are_classes(pets):
    (pets / "cat").rename(pets / "None")
    (pets / "dog").rename(pets / "1.0")
    assert from_folder(pets).class_names == ("1.0", "None")


def test_junk_is_passed_over(pets):
    (pets / ".DS_Store").write_bytes(b"x")
    (pets / "cat" / "Thumbs.db").write_bytes(b"x")
    (pets / "cat" / "._0.jpg").write_bytes(b"x")
    (pets / ".ipynb_checkpoints").mkdir()
    (pets / "dog" / "__MACOSX").mkdir()
    assert len(from_folder(pets)) == 5


@pytest.mark.parametrize(
    "name, message",
    [
        ("cat/notes.txt", "'cat/notes.txt': The image .* cannot be read: its"),
        ("cat/empty.jpg", "'cat/empty.jpg': .*cannot be read: it is empty"),
        ("readme.md", "'readme.md' is in no class folder"),
        ("bird/", "the class folder 'bird' is empty"),
        ("cat/kitten/", "'cat/kitten' is a folder in a class folder"),
        ("Cat/2.png", "'Cat' and 'cat' look like one class"),
        ("cat/big.png", "'cat/big.png': the image is 9 x 9, the first one 8"),
    ],
)
def test_faults_are_named(pets, name, message):
    path = pets / name
    if name.endswith("/"):
        path.mkdir()
    elif name == "Cat/2.png":
        save(path)
    elif name == "cat/big.png":
        save(path, size=(9, 9))
    else:
        path.write_text("" if "empty" in name else "text")
    with pytest.raises(ValueError, match=message) as raised:
        from_folder(pets)
    assert f"{pets}: 1 problem\n" in str(raised.value)


def test_several_faults_are_counted(pets):
    for index in range(7):
        (pets / "cat" / f"bad{index}.jpg").write_text("no")
    with pytest.raises(ValueError) as raised:
        from_folder(pets)
    lines = str(raised.value).splitlines()
    assert lines[0] == f"{pets}: 7 problems. The first 5:"
    assert lines[-2] == "  ... and 2 more"


def test_too_few_classes_or_images(tmp_path, pets):
    with pytest.raises(ValueError, match="argument path.*a folder that is"):
        from_folder(tmp_path / "absent")
    with pytest.raises(ValueError, match="argument path"):
        from_folder(pets / "cat" / "0.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no image in a class folder"):
        from_folder(tmp_path / "empty")
    with pytest.raises(ValueError, match="'0.png' is in no class folder"):
        from_folder(pets / "dog")
    with pytest.raises(ValueError, match="the folder 'dog' is none of the cl"):
        from_folder(pets, class_names=["cat", "dogs"])
    for path in (pets / "cat").iterdir():
        path.unlink()
    (pets / "cat").rmdir()
    with pytest.raises(ValueError, match="'dog' is the only class; 2 are"):
        from_folder(pets)


def test_links(tmp_path, pets):
    os.symlink(pets / "cat" / "0.jpg", pets / "dog" / "inside.jpg")
    assert len(from_folder(pets)) == 6
    save(tmp_path / "secret" / "a.png")
    os.symlink(tmp_path / "secret" / "a.png", pets / "dog" / "out.png")
    os.symlink(tmp_path / "secret", pets / "bird")
    os.symlink(pets / "dog" / "loop.png", pets / "dog" / "loop.png")
    os.symlink(pets / "nothing", pets / "dog" / "gone.png")
    with pytest.raises(ValueError) as raised:
        from_folder(pets)
    message = str(raised.value)
    assert "4 problems" in message
    assert "'bird' is a link out of the folder" in message
    assert "'dog/out.png' is a link out of the folder" in message
    assert "'dog/loop.png' is a link to nowhere" in message
    assert "'dog/gone.png' is a link to nowhere" in message
    # The root itself may be one.
    save(tmp_path / "two" / "a" / "1.png")
    save(tmp_path / "two" / "b" / "1.png")
    os.symlink(tmp_path / "two", tmp_path / "link")
    assert len(from_folder(tmp_path / "link")) == 2


def test_what_is_no_link_is_not_followed(pets, monkeypatch):
    resolved = []
    monkeypatch.setattr(
        files_module,
        "link_fault",
        lambda path, root: resolved.append(path) or "",
    )
    from_folder(pets)
    # A million files take a minute otherwise.
    assert resolved == [pets, pets / "cat", pets / "dog"]


def test_strange_names(pets):
    save(pets / "cat" / "line\nbreak.png")
    save(pets / "cat" / ("long" * 60 + ".png"))
    save(pets / "cat" / "Größe 1.png")
    assert len(from_folder(pets)) == 8
    (pets / "cat" / "line\nbreak.png").write_text("no")
    with pytest.raises(ValueError) as raised:
        from_folder(pets)
    assert len(raised.value.problems) == 1
    assert len(str(raised.value).splitlines()) == 3  # and a hint


def test_names_that_are_no_text(pets):
    path = os.fsencode(pets / "cat") + b"/\xff.png"
    with open(path, "wb") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="is not in UTF-8") as raised:
        from_folder(pets)
    str(raised.value).encode()  # can be printed


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_without_permission(pets):
    (pets / "cat" / "0.jpg").chmod(0)
    with pytest.raises(ValueError, match="'cat/0.jpg': .*Permission denied"):
        from_folder(pets)


def test_masks_mirror_the_images(tmp_path, pets):
    masks = tmp_path / "masks"
    for path in pets.rglob("*.*"):
        mask = np.zeros((8, 12), "uint8")
        mask[2:4] = 255
        target = masks / path.parent.name / f"{path.stem}_mask.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(target)
    examples = from_folder(pets, masks=masks, mask="{id}_mask")
    assert examples.masks.sum() == 5 * 24 and examples.has_mask is None
    with pytest.raises(
        ValueError, match="'cat/0.jpg': there is no file 'cat/0.jpg'"
    ):
        from_folder(pets, masks=masks)
    with pytest.raises(ValueError, match="argument masks"):
        from_folder(pets, mask="{id}_mask")


def test_split_folders(tmp_path):
    root = tmp_path / "data"
    for part, classes in (("train", "abc"), ("val", "ab"), ("test", "c")):
        for name in classes:
            save(root / part / name / "1.png", ord(name))
    train, validation, test = splits = from_split_folders(root, size=6)
    assert train.class_names == validation.class_names == ("a", "b", "c")
    assert test.labels.tolist() == [2] and test.class_names == ("a", "b", "c")
    info = splits.info
    assert info.sizes == {"train": 3, "validation": 2, "test": 1}
    assert info.image_shape == (6, 6, 3) and info.classes == 3
    assert info.sources["validation"] == str(root / "val")
    with pytest.raises(ValueError, match="see from_split_folders"):
        from_folder(root)
    save(root / "test" / "d" / "1.png")
    with pytest.raises(ValueError, match="the folder 'd' is none of the class"):
        from_split_folders(root)
    (root / "test").rename(root / "tests")
    with pytest.raises(ValueError, match="one folder test. It holds tests, tr"):
        from_split_folders(root)


def test_saved_arrays_of_many_channels_and_of_known_white(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "0.npy", np.full((4, 5, 6), 9, "uint8"))
    assert from_folder(tmp_path, channels=6).image_shape == (4, 5, 6)
    for name in "ab":
        np.save(tmp_path / name / "0.npy", np.full((4, 5), 0.25, "float32"))
    with pytest.raises(ValueError, match="2 problems\n  'a/0.npy': .*white="):
        from_folder(tmp_path, channels=1)
    assert from_folder(tmp_path, channels=1, white=0.5).images.max() == 128
