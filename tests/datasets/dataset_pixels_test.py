"""Images in memory, on disk and in their files are the same images."""

import os
import pickle
import threading

import numpy as np
import pytest
from PIL import Image

from keras_attention.datasets import cache as cache_module
from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.batches import batches
from keras_attention.datasets.cache import clear_cache
from keras_attention.datasets.cache import on_disk
from keras_attention.datasets.folder import from_folder
from keras_attention.datasets.npz import from_npz
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.pixels import in_threads
from keras_attention.datasets.splits import split
from keras_attention.datasets.table import from_table

LAYOUTS = ("stretch", "pad", "crop")


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Twelve pictures of many sizes; a third have no mask."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    rng = np.random.default_rng(0)
    found = []
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for index in range(12):
        size = tuple(rng.integers(20, 60, 2))
        image = rng.integers(0, 256, (*size, 3)).astype("uint8")
        Image.fromarray(image).save(tmp_path / "images" / f"{index}.png")
        mask = (rng.random(size) > 0.5).astype("uint8")
        if index % 3:
            Image.fromarray(mask).save(tmp_path / "masks" / f"{index}.png")
        found.append(
            {
                "image": str(index),
                "label": "ab"[index % 2],
                "mask": str(index) if index % 3 else "",
                "patient": index // 2,
            }
        )
    return found


@pytest.fixture
def read(rows, tmp_path):
    def read(cache, layout="stretch"):
        return from_table(
            rows,
            images=tmp_path / "images",
            image="image",
            label="label",
            mask="mask",
            masks=tmp_path / "masks",
            group="patient",
            size=16,
            layout=layout,
            cache=cache,
        )

    return read


def assert_same(one, two):
    for name in ("images", "masks", "has_mask", "labels", "groups"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cache", [None, "disk"])
def test_every_cache_gives_the_same(read, cache, layout):
    whole, other = read("memory", layout), read(cache, layout)
    assert isinstance(other.images, Pixels) and repr(other) == repr(whole)
    assert_same(whole, other)
    assert_same(whole[[3, 1]], other[[3, 1]])
    assert_same(whole[whole.labels == 1], other[other.labels == 1])
    maps = np.random.default_rng(0).random((4, 4))
    np.testing.assert_array_equal(
        whole.to_original(maps, 5), other.to_original(maps, 5)
    )
    for one, two in zip(split(whole), split(other), strict=True):
        assert_same(one, two)
    options = dict(seed=1, supervised=False)
    for one, two in zip(
        batches(whole, 5, **options), batches(other, 5, **options), strict=True
    ):
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])


def test_pixels_read_like_an_array():
    images = np.random.default_rng(0).integers(0, 256, (6, 2, 3, 1), "uint8")
    pixels = Pixels(images.__getitem__, range(6), "abcdef", (2, 3, 1))
    assert len(pixels) == 6 and pixels.shape == images.shape
    for index in (2, -1, slice(1, 4), [0, 5], np.arange(6) % 2 == 0):
        np.testing.assert_array_equal(pixels[index], images[index])
    np.testing.assert_array_equal(
        pixels.select([4, 3, 1]).select([0, 2])[:], images[[4, 1]]
    )
    np.testing.assert_array_equal(list(pixels), images)
    with pytest.raises(IndexError):
        pixels[6]


def test_work_is_handed_out_little_by_little():
    begun = []

    def items():
        for index in range(10_000):
            begun.append(index)
            yield index

    results = in_threads(lambda index: -index, items())
    assert [next(results) for _ in range(3)] == [0, -1, -2]
    assert len(begun) < 100
    assert sum(results) == -sum(range(10_000)) + 3


def test_size_decides_and_says_so(read, monkeypatch, capsys):
    assert isinstance(read("auto").images, np.ndarray)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(cache_module, "MOST_IN_MEMORY", 12 * 16 * 16 * 4 - 1)
    assert isinstance(read("auto").images, Pixels)
    assert "12 images would take 0.0 GB" in capsys.readouterr().err
    with pytest.raises(ValueError, match="cache"):
        read("disc")


def test_what_is_wrong_inside_a_file_is_named_when_it_is_decoded(
    read, tmp_path
):
    (tmp_path / "images" / "4.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"row 4: .*4\.png.* none of PNG"):
        read("memory")
    later = read(None)
    assert later.images[[3, 5]].shape == (2, 16, 16, 3)
    with pytest.raises(ValueError, match=r"row 4: .*4\.png.* none of PNG"):
        later.images[[3, 4]]
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "4.png")
    with pytest.raises(ValueError, match="row 4: the mask is .*9 x 9"):
        later.masks[4]
    os.remove(tmp_path / "images" / "4.png")
    with pytest.raises(ValueError, match="row 4: .*no such file"):
        later.images[4]


def test_a_file_on_disk_is_made_once_whole_and_anew_after_a_change(
    read, tmp_path, capsys
):
    folder = tmp_path / "keras" / "datasets" / "keras_attention"
    read("disk")
    made = {path: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    assert len(made) == 2 and "Decoding 12 images" in capsys.readouterr().out
    read("disk")
    assert capsys.readouterr().out == ""
    # Cut short, as by a full disk under other programs.
    longest = max(made, key=lambda path: path.stat().st_size)
    os.truncate(longest, longest.stat().st_size - 1)
    assert_same(read("disk"), read("memory"))
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "0.png")
    assert not read("disk").images[0].any()
    # A file that cannot be decoded leaves nothing behind.
    before = set(folder.glob("*"))
    (tmp_path / "images" / "3.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="row 3"):
        read("disk")
    assert {p for p in folder.glob("*") if p.suffix == ".npy"} <= before
    assert not list(folder.glob(".*"))


def test_no_file_on_disk_outlives_what_it_was_made_of(
    read, tmp_path, monkeypatch
):
    path = tmp_path / "images" / "0.png"
    for level in (1, 2):  # of the same size and time
        Image.new("L", (9, 9), level).save(path)
        os.utime(path, (7, 7))
        assert np.all(read("disk").images[0] == level)

    (folder,) = (tmp_path / "keras").rglob("keras_attention")
    made = len(list(folder.glob("*.npy")))
    with monkeypatch.context() as patch:
        patch.setattr(cache_module.PIL, "__version__", "another")
        read("disk")
    assert len(list(folder.glob("*.npy"))) == made + 2

    class Changing(ReadImage):
        def __call__(self, source):
            os.utime(path)
            return super().__call__(source)

    pixels = read(None).images
    pixels.read = Changing((16, 16), "stretch", 3)
    before = set((tmp_path / "keras").rglob("*.npy"))
    with pytest.raises(ValueError, match="changed while"):
        on_disk(pixels)
    assert set((tmp_path / "keras").rglob("*.npy")) == before


def test_what_is_on_disk_can_be_deleted_and_is_made_again(read, tmp_path):
    folder = tmp_path / "keras" / "datasets" / "keras_attention"
    kept = read("disk").images
    sizes = [path.stat().st_size for path in folder.glob("*.npy")]
    (folder / f".{next(folder.glob('*.npy')).name}.killed").mkdir()
    (folder / "others.npy").touch()
    assert clear_cache() == sum(sizes) > 12 * 16 * 16 * 4
    assert [path.name for path in folder.iterdir()] == ["others.npy"]
    assert clear_cache() == 0
    with pytest.raises(FileNotFoundError):
        kept[0]
    assert_same(read("disk"), read("memory"))


def test_runs_share_what_is_on_disk(read, tmp_path):
    pixels = read(None).images
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(on_disk(pixels)[:]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for images in found:
        np.testing.assert_array_equal(images, pixels)
    files = (tmp_path / "keras").rglob("*.npy")
    assert len(found) == 3 and len(list(files)) == 1


@pytest.mark.parametrize("cache", [None, "disk"])
def test_pixels_go_to_other_processes(read, cache):
    pixels = read(cache).images
    pixels[0]
    copy = pickle.loads(pickle.dumps(pixels))
    np.testing.assert_array_equal(copy[:], pixels[:])


def test_folders_and_npz_files_too(rows, tmp_path):
    for index, row in enumerate(rows):
        path = tmp_path / "classes" / row["label"]
        path.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / "images" / f"{index}.png", path / f"{index}.png")
    folder = tmp_path / "classes"
    assert_same(from_folder(folder, 8), from_folder(folder, 8, cache=None))
    files = [(tmp_path / "images" / f"{i}.png").read_bytes() for i in range(12)]
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "set.npz",
        jpeg=np.frombuffer(b"".join(files), "uint8"),
        offsets=np.cumsum([0, *map(len, files)]),
        split=np.arange(12) % 3,
        label=np.arange(12) // 6,
        boxes=rng.uniform((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), (12, 4)),
        box_image=np.arange(12),
    )
    for layout in LAYOUTS:
        whole = from_npz(tmp_path / "set.npz", 8, layout)
        later = from_npz(tmp_path / "set.npz", 8, layout, cache=None)
        for one, two in zip(whole, later, strict=True):
            assert_same(one, two)
            np.testing.assert_array_equal(one.boxes, two.boxes)
    with pytest.raises(ValueError, match="cache"):
        from_npz(tmp_path / "set.npz", 8, cache="disk")
