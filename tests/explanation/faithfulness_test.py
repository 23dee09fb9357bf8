"""The true map is better than a random one, and that than its inverse."""

import csv
import io
import json

import keras
import numpy as np
import pytest

from keras_attention.explanation import confidence_change
from keras_attention.explanation import faithfulness_report
from keras_attention.explanation.blind_maps import blind_maps
from keras_attention.visualization import AttentionMap

COUNT, SIDE = 6, 16
SETTINGS = {"steps": 6, "percentages": (20, 60), "repeats": 50}


@pytest.fixture(scope="module")
def seen():
    """A model that looks at one patch, images and the patch."""
    patch = np.zeros((SIDE, SIDE))
    patch[2:8, 9:15] = 1
    inside = keras.layers.Cropping2D(((2, SIDE - 8), (9, SIDE - 15)))
    model = keras.Sequential(
        [inside, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1)]
    )
    random = np.random.default_rng(0)
    images = random.uniform(0, 0.3, (COUNT, SIDE, SIDE, 3))
    images[:, 2:8, 9:15] += 0.7
    # Something as bright that the model does not see.
    images[:, 10:14, 3:7] += 0.7
    model(images)
    model.layers[-1].set_weights([np.full((3, 1), 2), np.array([-3])])
    return model, images.astype("float32"), np.stack([patch] * COUNT)


@pytest.fixture(scope="module")
def report(seen):
    model, images, masks = seen
    flat = np.ones((COUNT, 1, 4, 4))
    flat[1:, :, 1, 3] = 2  # a head; the first image's has no preference
    coarse = AttentionMap(flat, "coarse")
    maps = {"true": masks, "inverted": 1 - masks, "coarse": coarse}
    return faithfulness_report(model, images, maps, 1, masks, **SETTINGS)


def of(report, name):
    [row] = [row for row in report.rows if row["map"] == name]
    return row


@pytest.mark.parametrize("kind", ["deletion", "insertion", "road"])
def test_true_is_better_than_random_and_random_than_inverted(report, kind):
    better, known, worse = (
        of(report, name)[kind] for name in ("true", "(random)", "inverted")
    )
    if kind == "deletion":
        better, worse = worse, better
    assert better[0] > known[0] > worse[0]
    assert better[1] > worse[2]  # their intervals lie apart
    for row in report.rows:
        mean, low, high = row[kind]
        assert (-0.5 if kind == "road" else 0) <= low <= mean <= high <= 1


def test_a_map_is_surely_better_than_all_that_know_nothing(report):
    better = of(report, "true")["surely_better"].split(", ")
    assert {"deletion", "insertion", "road", "average_drop"} <= {*better}
    assert {"pointing_game", "energy", "lift", "iou", "auroc"} <= {*better}
    assert of(report, "inverted")["surely_better"] == ""
    assert of(report, "(random)")["surely_better"] is None
    assert "inverted is surely better than all in brackets in: nothing" in str(
        report
    )


def test_what_the_true_map_shows_is_enough(seen):
    model, images, masks = seen
    true, inverted = (
        confidence_change(model, images, maps, 1) for maps in (masks, 1 - masks)
    )
    np.testing.assert_allclose(true.drop, np.zeros(COUNT), atol=1e-6)
    whole = 1 / (1 + np.exp(3 - 2 * images[:, 2:8, 9:15].mean((1, 2)).sum(1)))
    nothing = 1 / (1 + np.exp(3))
    expected = (whole - nothing) / whole
    np.testing.assert_allclose(inverted.drop, expected, rtol=1e-5)


def test_the_masks_numbers_are_those_of_the_metrics(report):
    row = of(report, "true")
    for name in ("pointing_game", "energy", "iou", "auroc"):
        assert row[name] == [1, 1, 1]
        assert of(report, "inverted")[name] == [0, 0, 0]
    np.testing.assert_allclose(row["lift"], SIDE**2 / 36)
    assert 0.4 < of(report, "(random)")["auroc"][0] < 0.6


def test_maps_that_know_nothing_are_always_there(report, seen):
    names = [row["map"] for row in report.rows]
    known = ["(random)", "(centre)", "(edges)"]
    assert names == ["true", "inverted", "coarse", *known]
    found = blind_maps(seen[1], [np.ones((COUNT, 2, 4, 4)), seen[2]], seed=3)
    assert list(found) == known
    assert found["(random)"].shape == (COUNT, 4, 4)
    again = blind_maps(seen[1], [np.ones((COUNT, 4, 4))], seed=3)
    np.testing.assert_array_equal(found["(random)"], again["(random)"])
    slope = np.broadcast_to(np.arange(6.0)[:, None], (1, 6, 6))[..., None]
    edges = blind_maps(slope, [np.ones((1, 2, 2))])["(edges)"]
    np.testing.assert_allclose(edges[:, 1:-1], 8)


def test_images_without_an_answer_are_counted(report):
    row = of(report, "coarse")
    left_out = {"average_drop", "increase", "average_gain", "iou"}
    assert row["excluded"] == dict.fromkeys(left_out, 1)
    said = [note for note in report.notes if note.startswith("Images left out")]
    assert any("coarse" in note and "iou 1" in note for note in said)
    assert of(report, "true")["excluded"] == {}


def test_it_is_printed_shown_and_saved(report):
    text = str(report).splitlines()
    assert text[0].split() == [
        "measure",
        "better",
        *(row["map"] for row in report.rows),
    ]
    deletion = next(line for line in text if line.startswith("deletion"))
    mean, low, high = of(report, "true")["deletion"]
    assert f"less  {mean:.3f} ({low:.3f} to {high:.3f})" in deletion
    assert json.loads(report.to_json())["rows"] == report.rows
    lines = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert [line["map"] for line in lines] == [
        row["map"] for row in report.rows
    ]
    assert float(lines[0]["deletion_high"]) == high
    assert lines[0]["surely_better"].startswith("deletion, insertion")
    assert "<td" in report._repr_html_() and "iou" in report._repr_html_()


def test_the_seed_decides(seen):
    model, images, masks = seen
    settings = {"measures": ["deletion"], "steps": 2, "repeats": 20}
    tables = [
        faithfulness_report(
            model, images, {"true": masks}, 1, seed=seed, **settings
        )
        for seed in (0, 0, 1)
    ]
    assert tables[0].to_json() == tables[1].to_json() != tables[2].to_json()
    assert list(tables[0].rows[0]) == [
        "map",
        "deletion",
        "excluded",
        "surely_better",
    ]


def test_signed_maps_and_errors(seen):
    model, images, masks = seen
    signed = {"a<b": masks - 0.5}
    settings = {"measures": ["increase"], "repeats": 20}
    found = faithfulness_report(model, images, signed, 1, masks, **settings)
    assert found.rows[0]["energy"] == [1, 1, 1]
    assert "a&lt;b" in found._repr_html_()
    gate = AttentionMap(np.ones((COUNT, 1, 1, 8)), "se", "channel")
    for maps, more, message in (
        ({}, {}, "argument maps"),
        (masks, {}, "argument maps"),
        ({"(random)": masks}, {}, "argument maps"),
        ({"true": masks[:2]}, {}, "argument maps"),
        ({"gate": gate}, {}, "channel weights"),
        (signed, {"measures": ["accuracy"]}, "argument measures"),
        (signed, {"masks": masks[:2], "measures": []}, "maps and masks"),
    ):
        with pytest.raises(ValueError, match=message):
            faithfulness_report(model, images, maps, 1, **more)
