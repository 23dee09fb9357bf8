"""The masks of COCO, and attention measured on them."""

import io
import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(monkeypatch, eagerly):
    monkeypatch.syspath_prepend(str(FOLDER))
    import place_attention

    return place_attention


def test_masks_lie_on_their_photographs(script, tmp_path):
    """Photographs that are bright where their masks are, of two shapes."""
    jpeg, offsets, masks = b"", [0], np.zeros((2, 144, 144), "uint8")
    masks[0, :, 72:] = 7
    masks[1, :72] = 255  # a crowd
    for mask, size in zip(masks, ((288, 200), (150, 288)), strict=True):
        picture = Image.fromarray(np.uint8(255 * (mask > 0))).resize(size)
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "JPEG", quality=95)
        jpeg += buffer.getvalue()
        offsets.append(len(jpeg))
    np.savez(
        tmp_path / "coco_clean_288.npz",
        jpeg=np.frombuffer(jpeg, "uint8"),
        offsets=np.array(offsets),
        seg=masks,
    )
    images, found = script.coco(tmp_path)
    assert images.shape == (2, 160, 160, 3) and found.shape == (2, 144, 144, 1)
    for image, mask in zip(images, found, strict=True):
        small = Image.fromarray(np.uint8(255 * image)).resize((144, 144))
        bright = np.asarray(small)[..., 0] > 127
        assert np.mean(bright == mask[..., 0]) > 0.98


def test_a_head_falls_on_what_tells_the_classes_apart(script, monkeypatch):
    monkeypatch.setattr(script, "SEEDS", 1)
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(96, 4, 4, 3)).astype("float32")
    labels = np.arange(96) % 2
    places = rng.integers(4, size=(96, 2))
    masks = np.zeros((96, 4, 4, 1), bool)
    for index, (y, x) in enumerate(places):
        maps[index, y, x, :2] += (9, 9) if labels[index] else (9, -9)
        masks[index, y, x] = True
    chosen = {
        "size": 8,
        "weight_decay": 0.0,
        "learning_rate": 0.03,
        "epochs": 4,
    }
    (row,) = script.falls(
        maps, labels, 2, {"softmax": chosen}, maps, masks, labels
    )
    assert row["accuracy"] > 0.95 and row["on_object"] > 0.5
    base = script.measured("a", "b", masks, [row])
    assert base["uniform"] == pytest.approx(1 / 16)


def test_a_folder_without_the_photographs_is_told(script, monkeypatch, capsys):
    argv = ["place_attention.py", "--data", "nowhere"]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 2
    error = capsys.readouterr().err
    assert error.startswith("place_attention.py: error: ")
    assert "nowhere" in error
