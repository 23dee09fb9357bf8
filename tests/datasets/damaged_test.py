"""Damaged images and tables: valid data or a ValueError, nothing else.

The cases come from a generator with a seed; `make test` has 200 of them.
"""

import datetime
import io

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.layout import read_laid_out
from keras_attention.datasets.npz import from_npz
from keras_attention.datasets.placement import LAYOUTS
from keras_attention.datasets.table import from_table

pytestmark = pytest.mark.filterwarnings("ignore")

SIZE = (8, 9)
FORMS = [
    ("PNG", "RGB"),
    ("PNG", "RGBA"),
    ("PNG", "P"),
    ("PNG", "I;16"),
    ("JPEG", "RGB"),
    ("JPEG", "CMYK"),
    ("JPEG", "L"),
    ("WEBP", "RGB"),
    ("WEBP", "RGBA"),
    ("TIFF", "RGB"),
    ("TIFF", "F"),
    ("GIF", "P"),
    ("BMP", "RGB"),
    ("NPY", "RGB"),
]


def whole_images():
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for file_format, mode in FORMS:
        image = rng.integers(0, 256, (14, 11, 3)).astype("uint8")
        buffer = io.BytesIO()
        if file_format == "NPY":
            np.save(buffer, image)
        elif mode == "I;16":
            Image.fromarray(image[..., 0] * np.uint16(257)).save(buffer, "PNG")
        else:
            options = {"exif": exif} if file_format in ("JPEG", "TIFF") else {}
            image = Image.fromarray(image).convert(mode)
            image.save(buffer, file_format, **options)
        yield buffer.getvalue()


def damage(data, others, rng):
    """A file that is cut, overwritten, or begins as another one."""
    data = bytearray(data)
    kind = rng.integers(5)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    if kind == 1:
        for place in rng.integers(len(data), size=rng.integers(1, 9)):
            data[place] = rng.integers(256)
    elif kind == 2:  # sizes and tags stand at the beginning
        start = rng.integers(min(len(data), 60))
        data[start : start + 4] = rng.choice([0, 255, 127], 4).tolist()
    elif kind == 3:
        other = others[rng.integers(len(others))]
        length = rng.integers(4, 40)
        data[:length] = other[:length]
    else:
        start, stop = sorted(rng.integers(len(data), size=2).tolist())
        data[start:stop] = data[start:stop] * 2 if rng.random() < 0.5 else b""
    return bytes(data)


@pytest.mark.parametrize(
    "count", [110, pytest.param(1500, marks=pytest.mark.long)]
)
def test_damaged_images(count):
    rng = np.random.default_rng(0)
    whole = list(whole_images())
    read = 0
    for case in range(count):
        data = damage(whole[case % len(whole)], whole, rng)
        layout, channels = LAYOUTS[case % 3], (1, 3)[case % 2]
        try:
            pixels, original = read_laid_out(
                data, SIZE, layout, channels, white=(0, 255)
            )
        except ValueError as error:
            assert "cannot be read" in str(error)
        else:
            assert pixels.shape == (*SIZE, channels)
            assert pixels.dtype == np.uint8 and min(original) > 0
            read += 1
        try:
            mask = read_mask(data)
        except ValueError as error:
            assert "cannot be read" in str(error)
        else:
            assert mask.ndim == 3 and mask.shape[2] == 1
            assert mask.dtype == np.uint8 and mask.max() <= 1
    assert 0.1 < read / count < 0.9


# What no column should hold, and does.
STRANGE = [
    "", " ", None, float("nan"), "NaN", "\0", "a\0b", "ünï 🎉", "\ud800",
    "9" * 400, 10**400, 1e308, "1e999", -1, -0.5, True, 2**63, "{}", {}, [],
    [None], ["x"], "['a', 'b']", "[", "[1,", b"\xff", object(), 1 + 2j,
    datetime.date(2020, 1, 1), np.float16(0.5), np.array([1, 2]), "../0.png",
    "/etc/passwd", "x" * 300, "x" * 300 + "/y", ".", "0.png", 0, "1", "cat",
    "a;b",
]  # fmt: skip
OPTIONS = [
    {},
    {"label": ("a", "b")},
    {"label": ("a", "b"), "one_hot": True},
    {"label": "a", "regression": True},
    {"label": ("a", "w"), "regression": True},
    {"separator": ";"},
    {"class_names": ("cat", "dog")},
    {"mask": "mask"},
    {"mask": "m{id}.png", "group": "group"},
    {"weight": "w", "group": "group", "cache": None},
    {"images": None},
]


@pytest.fixture
def folder(tmp_path):
    for index in range(6):
        Image.new("RGB", (12, 10), (index, 0, 0)).save(
            tmp_path / f"{index}.png"
        )
        Image.new("1", (12, 10), 1).save(tmp_path / f"m{index}.png")
    return tmp_path


def table():
    return [
        {
            "image": f"{index}.png",
            "label": "cat" if index % 2 else "dog",
            "mask": f"m{index}",
            "group": index // 2,
            "w": index / 2,
            "a": index % 2,
            "b": 1 - index % 2,
        }
        for index in range(6)
    ]


def text_of(rows):
    """A CSV file of them, written as carelessly as can be."""
    lines = [",".join(rows[0]), *(",".join(map(str, r.values())) for r in rows)]
    return "\n".join(lines).encode(errors="surrogatepass")


def check(examples):
    count = len(examples)
    assert np.asarray(examples.images).shape == (count, *SIZE, 3)
    assert examples.labels.shape[0] == count == len(examples.names)
    several = examples.multi_label or examples.regression
    assert examples.labels.dtype == ("float32" if several else "int64")
    assert np.isfinite(examples.labels).all()
    if not examples.regression:
        assert examples.labels.min() >= 0
        assert examples.labels.max() < (2 if several else examples.classes)
    if examples.masks is not None:
        assert np.asarray(examples.masks).shape == (count, *SIZE, 1)
    if examples.weights is not None:
        assert examples.weights.min() >= 0


@pytest.mark.parametrize(
    "count", [66, pytest.param(1100, marks=pytest.mark.long)]
)
def test_damaged_tables(folder, count, monkeypatch):
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(0)
    read = 0
    for case in range(count):
        rows = table()
        for _ in range(rng.integers(3)):
            row = rows[rng.integers(6)]
            names = list(row)
            row[names[rng.integers(len(names))]] = STRANGE[
                rng.integers(len(STRANGE))
            ]
        if case % 3 == 0:
            data = text_of(rows)
            rows = folder / "table.csv"
            data = damage(data, [b'"', b"\xff\xfe"], rng) if case % 2 else data
            rows.write_bytes(data)
        options = dict(images=folder, image="image", label="label", size=SIZE)
        options |= OPTIONS[case % len(OPTIONS)]
        try:
            check(from_table(rows, **options))
            read += 1
        except ValueError as error:
            assert str(error)
    assert 0.1 < read / count < 0.9


@pytest.mark.parametrize(
    "count", [24, pytest.param(400, marks=pytest.mark.long)]
)
def test_damaged_archives_and_arrays(tmp_path, count):
    rng = np.random.default_rng(0)
    jpeg = list(whole_images())[4]
    path = tmp_path / "set.npz"
    np.savez_compressed(
        path,
        jpeg=np.frombuffer(jpeg * 4, "uint8"),
        offsets=np.arange(5) * len(jpeg),
        split=np.array([0, 0, 1, 2]),
        label=np.array([0, 1, 0, 1]),
        boxes=np.array([[0, 0, 1, 1.0]]),
        box_image=np.array([2]),
        box_label=np.array([1]),
    )
    whole = path.read_bytes()
    for case in range(count):
        path.write_bytes(damage(whole, [b"PK\5\6" * 9], rng))
        try:
            for part in from_npz(
                path, SIZE, label=("label", "box_label")[case % 2]
            ):
                assert part.images.shape == (len(part), *SIZE, 3)
        except ValueError as error:
            assert str(error)
        labels = [STRANGE[i] for i in rng.integers(len(STRANGE), size=3)]
        images = np.zeros((3, *SIZE, 3), "uint8")
        for regression in (False, True):
            try:
                check(from_arrays(images, labels, regression=regression))
            except ValueError as error:
                assert str(error)
