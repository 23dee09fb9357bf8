"""A scan finds what is wrong, and nothing else."""

import csv
import html
import io
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.concatenate import concatenate
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.folder import from_folder
from keras_attention.datasets.opening import read_header
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.scan import scan
from keras_attention.datasets.table import from_table

COUNT = 6
CLASSES = ("cat", "dog")
HOSTILE = "<script>alert('1')</script>"


def picture(seed, height=16):
    # Small blocks, so that a JPEG file is more than its header.
    pixels = np.random.default_rng(seed).integers(0, 256, (height, 24, 3))
    return Image.fromarray(pixels.astype("uint8"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Images and masks of two classes, some of them rotated by EXIF."""
    root = tmp_path_factory.mktemp("clean")
    for number, name in enumerate(CLASSES):
        for folder in ("photos", "masks"):
            (root / folder / name).mkdir(parents=True)
        for index in range(COUNT):
            image, exif = picture(10 * number + index, 16 + index), Image.Exif()
            mask = np.zeros(image.size[::-1], "uint8")
            mask[:8] = 255
            if index == 2:
                exif[274], mask = 6, mask.T
            image.save(root / "photos" / name / f"{index}.jpg", exif=exif)
            Image.fromarray(mask).save(root / "masks" / name / f"{index}.png")
    return root


@pytest.fixture
def root(clean, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return shutil.copytree(clean, tmp_path / "root")


def read(root, size=8, cache=None, masks=True):
    masks = root / "masks" if masks else None
    return from_folder(root / "photos", size, masks=masks, cache=cache)


def kinds(report):
    return [(row["kind"], row["file"]) for row in report.rows]


def look(*examples, **options):
    options = {"on_error": "skip", "verbose": 0, "decode": True, **options}
    return scan(*examples, **options)


def tree(root):
    """Every file of a folder, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("cache", [None, "disk", "memory"])
def test_nothing_is_invented(root, cache, decode):
    before = tree(root)
    whole = read(root, cache=cache)
    report = scan(whole, decode=decode, on_error="error", verbose=0)
    assert report.rows == [] and "Nothing was found" in str(report)
    (left,) = report.examples
    np.testing.assert_array_equal(left.images, whole.images)
    np.testing.assert_array_equal(left.masks, whole.masks)
    assert tree(root) == before


def half(*size):
    return Image.fromarray(np.eye(*size[::-1], dtype="uint8") * 255)


def cut(path, size):
    os.truncate(path, path.stat().st_size + size if size < 0 else size)


FAULTS = {
    "photos/cat/1.jpg: unreadable image": lambda p: p.write_bytes(b"no image"),
    "photos/cat/0.jpg: unreadable image": lambda p: cut(p, 0),
    "photos/cat/2.jpg: unreadable image": lambda p: cut(p, -200),
    "masks/dog/0.png: unreadable mask": lambda p: cut(p, 20),
    "masks/dog/1.png: unreadable mask": lambda p: cut(p, -30),
    "masks/dog/3.png: unreadable mask": Image.new("L", (24, 19), 7).save,
    "masks/dog/4.png: mask of another size": half(24, 19).save,
    # The image of this mask is rotated.
    "masks/dog/2.png: mask of another size": half(24, 18).save,
}
BEHIND_THE_HEADER = ("cat/2.jpg", "dog/1.png", "dog/3.png")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_its_example_left_out(root, fault):
    file, kind = fault.split(": ")
    path = root / file
    FAULTS[fault](path)
    hidden = file.endswith(BEHIND_THE_HEADER)
    for decode in (False, True):
        report = look(read(root), decode=decode)
        found = [(kind, str(path))] * (decode or not hidden)
        assert kinds(report) == found
        assert {row["action"] for row in report.rows} <= {"left out"}
        (left,) = report.examples
        assert len(left) == 2 * COUNT - len(found)
    # What is left can be decoded.
    assert np.asarray(left.images).any() and np.asarray(left.masks).any()


def test_a_png_file_that_tells_at_its_end_that_it_is_rotated(root):
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    picture(0).save(file, "PNG", exif=exif)
    start = file.getvalue().index(b"eXIf") - 4
    end = file.getvalue().index(b"IDAT") - 4
    chunk, rest = file.getvalue()[start:end], file.getvalue()[end:]
    path = root / "photos/cat/0.jpg"
    path.write_bytes(file.getvalue()[:start] + rest[:-12] + chunk + rest[-12:])
    half(16, 24).save(root / "masks/cat/0.png")
    for decode in (False, True):
        assert look(read(root), decode=decode).rows == []


def test_an_image_of_another_size_than_the_first(root):
    Image.new("RGB", (5, 5)).save(root / "photos/cat/3.jpg")
    whole = read(root, size=None, masks=False)
    report = look(whole, decode=False, few=0)
    assert len(report.examples[0]) == 2  # the first of each class
    assert {kind for kind, _ in kinds(report)} == {"image of another size"}


def test_empty_and_full_masks_are_told_and_kept(root):
    Image.new("1", (24, 16), 0).save(root / "masks/cat/0.png")
    Image.new("1", (24, 17), 1).save(root / "masks/cat/1.png")
    for cache in (None, "disk"):
        report = scan(read(root, cache=cache), decode=True, verbose=0)
        assert kinds(report) == [
            ("empty mask", str(root / "masks/cat/0.png")),
            ("full mask", str(root / "masks/cat/1.png")),
        ]
        assert len(report.examples[0]) == 2 * COUNT
    report = scan(read(root, cache="memory"), verbose=0)
    assert kinds(report) == [
        ("empty mask", "cat/0.jpg"),
        ("full mask", "cat/1.jpg"),
    ]


@pytest.mark.parametrize("cache", [None, "memory"])
def test_copies_within_and_across_parts(root, cache):
    shutil.copy(root / "photos/cat/1.jpg", root / "photos/cat/3.jpg")
    shutil.copy(root / "photos/cat/0.jpg", root / "photos/dog/0.jpg")
    # Of the same size, and another.
    data = bytearray((root / "photos/cat/4.jpg").read_bytes())
    data[-20] ^= 1
    (root / "photos/dog/4.jpg").write_bytes(data)
    whole = read(root, cache=cache, masks=False)
    report = look(whole[:COUNT], whole[COUNT:], few=0)
    found = [(r["kind"], r["part"], r["file"][-9:]) for r in report.rows]
    assert found[:2] == [
        ("duplicate", 0, "cat/3.jpg"),
        ("duplicate across parts", 1, "dog/0.jpg"),
    ]
    assert "cat/0.jpg' of part 0" in report.rows[1]["reason"]
    assert {kind for kind, _ in kinds(report)[2:]} == {"class without examples"}


def test_labels_boxes_and_rare_classes_in_memory():
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 1), "uint8")
    boxes = [np.array([[0, 0, 1, 0.5]])] * 9
    boxes[7] = np.array([[0.5, 0, 0.2, 1]])
    labels = np.array([0] * 6 + [3, 0, 1])
    names = tuple("abcdefghi")
    report = look(
        Examples(images, labels, ("x", "y", "z"), names, boxes=boxes), few=2
    )
    assert kinds(report) == [
        ("invalid label", "g"),
        ("invalid box", "h"),
        ("class with few examples", ""),
        ("class without examples", ""),
    ]
    assert [row["reason"] for row in report.rows[2:]] == [
        "1 of 'y'",
        "none of 'z'",
    ]
    several = from_arrays(images, np.eye(9, 2), one_hot=False)
    assert "without a class       7" in str(look(several))


def test_what_headers_tell_is_counted(tmp_path):
    rgb = picture(0)
    saved = {
        "format PNG": rgb,
        "format JPEG": rgb,
        "mode L": rgb.convert("L"),
        "CMYK": rgb.convert("CMYK"),
        "palette": rgb.convert("P"),
        "transparent": rgb.convert("RGBA"),
        "16-bit": Image.fromarray(np.full((9, 9), 999, "uint16")),
    }
    for fact, image in saved.items():
        file = io.BytesIO()
        image.save(file, "JPEG" if fact in ("CMYK", "format JPEG") else "PNG")
        found = read_header(file.getvalue())
        assert fact in found.facts and found.size == image.size[::-1]
        rare = [f for f in found.facts if " " not in f and f != fact]
        assert not rare
    file = io.BytesIO()
    rgb.save(file, "GIF", save_all=True, append_images=[picture(1)])
    assert "animated, or of several pages" in read_header(file.getvalue()).facts


def test_the_report_counts_formats_sizes_and_classes(root):
    text = str(look(read(root), read(root)[[0, 2]], few=0))
    for line in (
        "examples +12 +2",
        "EXIF-rotated +2 +1",
        "format JPEG +12 +2",
        "smallest +16 x 24 +16 x 24",
        "largest +21 x 24 +24 x 18",
        "dog +6 +0",
    ):
        assert re.search(rf"^{line}$", text, re.MULTILINE)


def test_faults_raise_with_all_that_was_found(root):
    (root / "photos/cat/1.jpg").write_bytes(b"no image")
    cut(root / "masks/dog/0.png", 20)
    before = tree(root)
    with pytest.raises(ValueError, match="Scan: 2 problems") as raised:
        scan(read(root), verbose=0)
    assert len(raised.value.report.rows) == 2 and tree(root) == before


def test_quarantine_moves_images_and_nothing_else(root):
    (root / "photos/cat/1.jpg").write_bytes(b"no image")
    cut(root / "masks/dog/0.png", 20)
    (root / "photos_quarantine/cat").mkdir(parents=True)
    (root / "photos_quarantine/cat/1.jpg").write_bytes(b"of before")
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    report = look(read(root), on_error="quarantine")
    moved = {
        root / "photos" / name: root / "photos_quarantine_2" / name
        for name in ("cat/1.jpg", "dog/0.jpg")
    }
    assert {path: path.read_bytes() for path in root.rglob("*.*")} == {
        moved.get(path, path): data for path, data in before.items()
    }
    assert [row["action"] for row in report.rows] == [
        f"moved to {str(new)!r}" for new in moved.values()
    ]
    # The folder can be read again.
    assert len(read(root)) == len(report.examples[0]) == 2 * COUNT - 2


def test_quarantine_leaves_alone_what_a_link_leads_to(root, tmp_path):
    shutil.move(root / "photos/cat", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", root / "photos/cat")
    outside = tmp_path / "elsewhere/1.jpg"
    outside.write_bytes(b"no image")
    rows = [
        {"image": str(root / f"photos/{name}/{index}.jpg"), "label": name}
        for name in CLASSES
        for index in range(COUNT)
    ]
    photos = from_table(
        rows,
        image="image",
        label="label",
        size=8,
        cache=None,
    )
    report = look(photos, on_error="quarantine")
    assert report.rows[0]["action"].startswith("not moved: it is reached by")
    assert outside.read_bytes() == b"no image"


def test_no_place_for_a_quarantine(root, monkeypatch):
    (root / "photos/cat/1.jpg").write_bytes(b"no image")
    before, whole = tree(root), read(root)

    def forbidden(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "mkdir", forbidden)
    with pytest.raises(PermissionError, match="photos_quarantine"):
        look(whole, on_error="quarantine")
    assert tree(root) == before


def test_hostile_names_are_text_on_the_page_and_in_the_table(root, tmp_path):
    names = (
        'a"b,c.jpg',
        "a\rb.jpg",
        "a\nb.jpg",
        f"{HOSTILE.replace('/', '')}.jpg",
    )
    for name in names:
        (root / "photos/cat" / name).write_bytes(b"no image")
    report = look(read(root, masks=False))
    report.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page and page.startswith("<!DOCTYPE html>")
    assert html.escape(names[-1]) in page
    report.to_csv(tmp_path / "rows.csv")
    with open(tmp_path / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{**row, "part": "0"} for row in report.rows]
    assert {row["file"].rpartition("cat/")[2] for row in rows} == {*names}
    # A line a finding, whatever the name holds.
    assert len(str(report).partition("unreadable image")[2].splitlines()) == 5


def test_a_report_is_written_whole_or_not_at_all(root, tmp_path):
    report = look(read(root))
    path = tmp_path / "page.html"
    path.write_text("before")
    report.tables.append(("not a table", None, None))
    with pytest.raises(TypeError):
        report.to_html(path)
    assert path.read_text() == "before"
    with pytest.raises(FileNotFoundError, match="no folder"):
        report.to_csv(tmp_path / "nowhere" / "rows.csv")


def test_a_file_that_changes_after_the_scan_is_named(root):
    (left,) = look(read(root)).examples
    np.asarray(left.images)
    picture(99, 40).save(root / "photos/cat/1.jpg")
    with pytest.raises(ValueError, match=r"cat/1\.jpg.*has changed since"):
        left[1:].images[0]
    half(24, 18).rotate(180).save(root / "masks/cat/3.png")
    with pytest.raises(ValueError, match=r"cat/3\.jpg"):
        left.masks[3]
    os.remove(root / "photos/cat/1.jpg")
    with pytest.raises(ValueError, match=r"cat/1\.jpg.*no such file"):
        left.images[1]
    # What was decoded to disk before stays what it was.
    (kept,) = look(read(root, masks=False, cache="disk")).examples
    expected = kept.images[0]
    picture(99, 40).save(root / "photos/cat/0.jpg")
    np.testing.assert_array_equal(kept.images[0], expected)


@pytest.mark.parametrize("cache", [None, "disk"])
def test_several_sets_as_one_are_looked_at_as_each(root, cache):
    parts = read(root, cache=cache)[:4], read(root, cache=cache)[3:]
    (root / "photos" / "cat" / "1.jpg").write_bytes(b"no image")
    cut(root / "masks" / "dog" / "5.png", 20)
    whole = concatenate(parts[0], concatenate(*parts))
    report = scan(whole, on_error="skip", few=0, verbose=0)
    left = scan(*parts, on_error="skip", few=0, verbose=0)
    faults = [row["file"] for row in report.rows if "unreadable" in row["kind"]]
    once = [row["file"] for row in left.rows if "unreadable" in row["kind"]]
    assert len(once) == 2 and faults == [once[0], *once]
    copies = [row for row in report.rows if row["kind"] == "duplicate"]
    assert len(copies) == 4
    if cache is None:
        again = concatenate(report.examples[0][:2], *left.examples)
        for images in (report.examples[0].images, again.images):
            picture(1).save(root / "photos" / "cat" / "0.jpg")
            with pytest.raises(ValueError, match="has changed since"):
                images[0]


def test_images_of_other_readers_are_only_decoded():
    def fail(level):
        if level == 3:
            raise ValueError("no scan")
        return np.full((2, 2, 1), level, "uint8")

    pixels = Pixels(fail, range(12), [f"{i}.dcm" for i in range(12)], (2, 2, 1))
    these = Examples(pixels, np.arange(12) % 2, CLASSES, tuple(pixels.names))
    assert look(these, decode=False).rows == []
    assert kinds(look(these)) == [("unreadable image", "3.dcm")]


def test_progress_is_on_stderr(root, capsys):
    scan(read(root))
    out, err = capsys.readouterr()
    assert out == "" and "12/12" in err
    scan(read(root), verbose=0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"on_error": "ignore"}, "on_error.*'quarantine'"),
        ({"decode": 1}, "decode"),
        ({"few": -1}, "few"),
        ({"verbose": 3}, "verbose"),
    ],
)
def test_wrong_arguments_are_named(clean, arguments, named):
    with pytest.raises(ValueError, match=named):
        scan(read(clean), **arguments)
    for examples in ((), (3,)):
        with pytest.raises(ValueError, match="argument examples"):
            scan(*examples)


def test_splits_are_unpacked():
    photos = from_arrays(np.zeros((2, 8, 8), "uint8"), [0, 1])
    with pytest.raises(ValueError, match=r"scan\(\*splits\)"):
        scan((photos, photos))


def test_numbers_to_predict():
    these = Examples(
        np.zeros((3, 2, 2, 1), "uint8"),
        np.array([[0, 1], [2, 3], [np.nan, 5]], "float32"),
        (),
        ("a", "b", "c"),
    )
    report = look(these, few=1)
    assert kinds(report)[0] == ("invalid label", "c")
    assert report.examples[0].names == ("a", "b")
    assert "class" not in str(report).split("invalid label")[0]


@pytest.mark.parametrize("cache", [None, "disk"])
def test_files_are_decoded_as_they_are_read(tmp_path, monkeypatch, cache):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for index in range(4):
        values = np.random.default_rng(index).random((8, 9, 7))
        np.save(tmp_path / f"{index}.npy", values)
    rows = [{"image": f"{i}.npy", "label": "ab"[i % 2]} for i in range(4)]
    these = from_table(
        rows,
        images=tmp_path,
        image="image",
        label="label",
        size=4,
        channels=7,
        white=1,
        cache=cache,
    )
    assert look(these, few=1).rows == []
