"""Gates in a U-Net: what is trained, compared and written."""

import json
import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

from keras_attention import AttentionExtractor

FOLDER = pathlib.Path(__file__).parents[2] / "examples"
PAIR = np.zeros((6, 4, 3), "uint8"), np.eye(6, 4, dtype="uint8")


@pytest.fixture
def data(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import segment_data

    return segment_data


@pytest.fixture
def segment(monkeypatch, tmp_path, eagerly):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    import segment

    return segment


@pytest.mark.long
def test_writes_everything(segment, monkeypatch, tmp_path, capsys):
    small = {**segment.FAST, "train": 8, "test": 6, "seeds": 1}
    monkeypatch.setattr(segment, "FAST", {**small, "width": 1 / 64})
    arguments = ["segment.py", "--fast", "--output", "out"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert segment.main() == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "results.json",
        "gates.png",
        "dice",
    }
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    rows = {row["model"]: row for row in found["rows"]}
    assert list(rows) == ["threshold", "plain", "gates", "open"]
    assert all(0 <= row["dice"] <= 1 for row in rows.values())
    assert all(g["mean_weight"] < 1 for g in rows["gates"]["gates"].values())
    assert set(found["gains"]) == {"plain", "open"}
    assert "gates - open" in capsys.readouterr().out


def test_the_control_has_gates_that_are_open(segment):
    images = np.random.default_rng(0).random((1, 32, 32, 1)).astype("float32")
    model = segment.network("open", images, {"width": 1 / 64})
    _, maps = AttentionExtractor(model)(images)
    assert len(maps) == 3
    assert all((np.asarray(weights) == 1).all() for weights in maps.values())
    paths = [weight.path for weight in model.trainable_weights]
    assert not any("gate/score" in path for path in paths)


def test_a_threshold_is_chosen_where_it_is_trained(segment):
    dark = np.full((2, 4, 4, 1), 0.9, "float32")
    dark[:, :2, :2] = 0.2
    labels = (dark[..., 0] < 0.5).astype("uint8")
    rule, found = segment.threshold((dark, labels), (dark[:1], labels[:1]))
    assert rule.startswith("below") and (found == labels[:1]).all()


def write(folder, name, pixels, values):
    """An image and its mask, as pictures or, with three axes, as volumes."""
    for kind, array in (("images", pixels), ("masks", values)):
        path = folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if (array.ndim == 3 and kind == "masks") or array.ndim == 4:
            np.save(f"{path}.npy", array)
        else:
            Image.fromarray(array).save(f"{path}.png")


def test_a_folder_of_images_and_masks(data, tmp_path):
    # Nothing, all of it, a half, and pixels of which nobody knows.
    masks = np.zeros((5, 6, 4), "uint8")
    masks[1] = 255
    masks[2:, :3] = 255
    masks[4, 5] = 7
    pixels = np.zeros((5, 6, 4, 3), "uint8")
    pixels[..., 0] = 50 * np.arange(5)[:, None, None]
    for part in ("train", "test"):
        for index in range(5):
            write(tmp_path / part, f"{index}", pixels[index], masks[index])
    train, test = data.folder(tmp_path, 12, of_object=255, unknown=7)
    assert train[0].shape == (5, 12, 12, 3) and test[1].shape == (5, 12, 12)
    shares = [(labels == 1).mean() for labels in train[1]]
    assert shares == [0, 1, 0.5, 0.5, 0.5]
    assert (train[1][4, -2:] == data.UNKNOWN).all()
    assert (train[1] == data.UNKNOWN).sum() == 24
    # Without values, a mask is what `datasets.read_mask` says.
    (images, labels), _ = data.folder(tmp_path, 6)
    np.testing.assert_allclose(images[3, ..., 0], 150 / 255)
    assert np.unique(labels).tolist() == [0, 1]


def test_volumes_and_every_fifth_to_test_on(data, tmp_path):
    for index in range(10):
        volume = np.full((4, 3, 5, 1), index / 10, "float32")
        write(tmp_path, f"{index}", volume, np.ones((4, 3, 5), bool))
    (images, labels), (others, _) = data.folder(tmp_path, 64)
    assert images.shape == (8, 4, 3, 5, 1) and labels.shape == (8, 4, 3, 5)
    seen = sorted([*images[:, 0, 0, 0, 0], *others[:, 0, 0, 0, 0]])
    np.testing.assert_allclose(seen, np.arange(10) / 10)


@pytest.mark.parametrize(
    "break_it, message",
    [
        (
            lambda f: write(f, "2", *PAIR[:1], PAIR[1][1:]),
            "2.png must be of the size",
        ),
        (lambda f: (f / "masks" / "2.png").unlink(), "no file '2.jpg'"),
        (lambda f: (f / "images" / "2.png").unlink(), "at least 5 images"),
        (lambda f: write(f, "2", PAIR[0], 3 + PAIR[1]), "class numbers"),
    ],
)
def test_masks_that_do_not_fit(data, tmp_path, break_it, message):
    for index in range(5):
        write(tmp_path, f"{index}", *PAIR)
    break_it(tmp_path)
    with pytest.raises(ValueError, match=message):
        data.folder(tmp_path, 8)


def test_where_gates_of_volumes_look_and_the_slice_that_is_drawn(
    segment, monkeypatch, tmp_path
):
    objects = np.zeros((1, 4, 2, 4), "uint8")
    objects[:, :2] = 1
    weights = np.ones((1, 1, 2, 1, 2), "float32")
    # Trilinear: 1, 1.25, 1.75, 2 from slice to slice.
    weights[:, :, 1] = 2
    found = segment.where(weights, objects)
    assert found["map"] == [2, 1, 2]
    assert found["energy"] == pytest.approx(2.25 / 6)
    assert found["lift"] == pytest.approx(2.25 / 3)
    drawn, figures = [], segment.visualization.plot_attention

    def plot_attention(*shown, **options):
        drawn.extend(shown)
        return figures(*shown, **options)

    monkeypatch.setattr(segment.visualization, "plot_attention", plot_attention)
    images = np.random.default_rng(0).random((1, 4, 2, 4, 1))
    segment.draw(
        tmp_path / "x.png", (images, objects), 1 - objects, {"gate": weights}
    )
    picture, rows = drawn
    np.testing.assert_array_equal(picture, images[:, 2])
    assert [row.max() for row in rows.values()] == [0, 1, 2]


def test_a_run_goes_on(segment, monkeypatch, tmp_path, capsys):
    parts = [(np.zeros((2, 8, 8, 1), "float32"), np.eye(8)[None].repeat(2, 0))]
    monkeypatch.setattr(segment, "read", lambda arguments: 2 * parts)
    trained = []

    def row_of(kind, seed, *_):
        trained.append((kind, seed))
        dice = np.full(2, 0.5 + 0.1 * (kind == "gates"))
        row = {"model": kind, "seed": seed, "seconds": 1.5}
        return {**row, "dice": dice.mean()}, dice

    monkeypatch.setattr(segment, "row_of", row_of)
    for command in ("--seeds 1", "--seeds 2", "--seeds 2 --epochs 9"):
        monkeypatch.setattr(sys, "argv", ["segment.py", *command.split()])
        assert segment.main() == 0
        found = json.loads(
            (tmp_path / "runs" / "segment" / "results.json").read_text()
        )
        trained.append(len(found["rows"]))
    kinds = segment.NETWORKS
    each = [[(kind, seed) for kind in kinds] for seed in (0, 1)]
    assert trained == [*each[0], 4, *each[1], 7, *each[0], *each[1], 7]
    assert found["gains"]["plain"]["mean"] == pytest.approx(0.1)
    assert f"{6 * 1.5:.0f} s of training" in capsys.readouterr().out
