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


def test_attention_is_measured_once_a_head_and_seed(script, monkeypatch):
    masks = np.zeros((3, 4, 4, 1), bool)
    masks[:, 1:3, 1] = True
    calls = []

    class Known:
        """Half of its attention is on the object, and half its answers."""

        def __init__(self, heads, maps, classes, weight_decay):
            (self.name,) = heads
            self.size, self.decay = heads[self.name][1], weight_decay

        def fit(self, labels, seed, rate, epochs, watch):
            calls.append((self.name, self.size, self.decay, seed, rate))
            weights = np.zeros((3, 1, 4, 4))
            weights[:, 0, 2, 1] = weights[:, 0, 3, 3] = 0.5
            return {epochs[0]: {self.name: (np.eye(3)[[0, 1, 0]], weights)}}

    monkeypatch.setattr(script.place, "Heads", Known)
    chosen = {
        name: {"size": 8, "weight_decay": d, "learning_rate": 1, "epochs": 4}
        for name, d in (("softmax", 0.1), ("sigmoid", 0.2))
    }
    data = None, None, 3, chosen, None, masks
    rows = script.falls(*data, np.arange(3))
    assert calls == [
        (name, 8, chosen[name]["weight_decay"], seed, 1)
        for name in chosen
        for seed in range(script.SEEDS)
    ]
    assert {row["on_object"] for row in rows} == {0.5}
    assert {row["accuracy"] for row in rows} == {2 / 3}
    assert "accuracy" not in script.falls(*data)[0]
    found = script.measured("a", "b", masks, rows)
    assert found["uniform"] == 2 / 16 and found["images"] == 3


def test_a_folder_without_the_photographs_is_told(script, monkeypatch, capsys):
    argv = ["place_attention.py", "--data", "nowhere"]
    monkeypatch.setattr(sys, "argv", argv)
    assert script.main() == 2
    error = capsys.readouterr().err
    assert error.startswith("place_attention.py: error: ")
    assert "nowhere" in error
