"""Heads on frozen maps: what is chosen, trained, and told."""

import json
import pathlib
import sys

import keras
import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "examples"
SHAPE = (4, 4, 3)


@pytest.fixture
def place(monkeypatch, tmp_path, eagerly):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(FOLDER))
    import place

    return place


def run(place, monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["place.py", *arguments.split()])
    return place.main()


@pytest.mark.slow
def test_writes_everything(place, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(place.FAST, "seeds", 1)
    assert run(place, monkeypatch, "--fast --output out") == 0
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    written = {"results.json", "config.json", "place.png"}
    assert names == {*written, "digits.npz"}
    (result,) = json.loads((out / "results.json").read_text())["data"]
    trained = {
        (row["place"], row["condition"], row["seed"]) for row in result["rows"]
    }
    kinds = len(place.CONDITIONS)
    assert len(trained) == len(result["rows"]) == 2 * kinds
    assert result["trainings"] == 2 * kinds + kinds
    for row in result["rows"]:
        attends = "uniform" not in row["condition"]
        assert ("on_object" in row) == attends
    assert result["baselines"]["images"] == 32
    assert "1x1, uniform" in capsys.readouterr().out  # the control

    before = {name: (out / name).read_bytes() for name in written}
    for name in written:
        (out / name).unlink()
    monkeypatch.delattr(place, "one_data_set")  # nothing is trained again
    assert run(place, monkeypatch, "--fast --output out") == 0
    assert before == {name: (out / name).read_bytes() for name in written}


def test_other_settings_are_not_read(place, monkeypatch, tmp_path):
    test = place.digits(32, train=1, validation=1, test=1)[2]
    runs = []

    def known(name, settings, arguments):
        runs.append(settings["seeds"])
        picture = test, ("a", "b"), np.zeros((1, 2)), np.zeros((1, 1, 2, 2))
        return {"seeds": settings["seeds"]}, picture

    monkeypatch.setattr(place, "one_data_set", known)
    arguments = {"data": "", "fast": True}
    for seeds in (1, 1, 2):
        settings = {**place.FAST, "seeds": seeds}
        result, _ = place.once(
            tmp_path / "a.npz", "digits", settings, arguments
        )
        assert result == {"seeds": seeds}
    assert runs == [1, 2]


def test_a_folder_without_the_photographs_is_told(place, monkeypatch, capsys):
    assert run(place, monkeypatch, "--data nowhere") == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("place.py: error: ") and "nowhere" in error
    assert "\n" not in error


@pytest.fixture
def maps():
    """Where the first channel is bright somewhere the class is 1."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(96, *SHAPE)).astype("float32")
    labels = np.arange(96) % 2
    values[labels == 1, 1, 2, 0] += 12
    return values, labels


def test_trainings_of_one_model_know_nothing_of_each_other(place, maps):
    values, labels = maps
    kinds = {"a": ("softmax", 4), "b": ("1x1, uniform", 4)}
    both = place.Heads(kinds, values, 2, 0.0)
    together = both.fit(labels, 0, 0.01, [1, 2], values)
    again = both.fit(labels, 0, 0.01, [2], values)
    for name in kinds:
        np.testing.assert_allclose(
            together[2][name][0], again[2][name][0], rtol=1e-4, atol=1e-5
        )
    assert not np.allclose(together[1]["a"][0], together[2]["a"][0])
    other = both.fit(labels, 1, 0.01, [2], values)
    assert not np.allclose(again[2]["a"][0], other[2]["a"][0])


@pytest.mark.long
def test_a_head_finds_what_tells_the_classes_apart(place, maps):
    values, labels = maps
    group = place.Heads({"a": ("softmax", 8)}, values, 2, 0.0)
    logits, weights = group.fit(labels, 0, 0.02, [30], values)[30]["a"]
    assert place.score(labels, logits) > 0.95
    assert weights.shape == (96, 1, 4, 4)
    assert weights[labels == 1, 0, 1, 2].mean() > 0.5  # 1/16 if it were even


def test_settings_are_chosen_on_validation_images(place, maps, monkeypatch):
    values, labels = maps
    asked = []

    class Known:
        """Right at 0.1 after the second epoch and with size 8."""

        def __init__(self, heads, maps, classes, decay):
            self.heads, self.decay = heads, decay

        def fit(self, labels, seed, rate, epochs, watch):
            asked.append((self.decay, rate, seed, watch is validation))
            return {
                epoch: {
                    head: (self._logits(rate, epoch, *head), None)
                    for head in self.heads
                }
                for epoch in epochs
            }

        def _logits(self, rate, epoch, condition, size):
            right = rate == 0.1 and epoch == 2
            right = right and (size == 8 or condition == "uniform")
            sign = 1 if right and self.decay == 0.3 else -1
            return sign * np.stack([1 - labels, labels], axis=1)

    class Part:
        classes = 2

    Part.labels = labels
    validation = values.copy()
    monkeypatch.setattr(place, "Heads", Known)
    grid = {
        "learning_rate": (0.01, 0.1),
        "weight_decay": (0.0, 0.3),
        "size": (4, 8),
    }
    chosen, count = place.choose(
        (values, validation, None), (Part, Part, None), grid, (1, 2), (7, 9)
    )
    assert {seed for _, _, seed, _ in asked} == {7, 9}
    assert all(on_validation for *_, on_validation in asked)
    assert count == 2 * 4 * (2 * len(place.CONDITIONS) - 1)
    for condition, settings in chosen.items():
        assert settings["validation"] == 1.0
        assert settings["learning_rate"] == 0.1
        assert settings["weight_decay"] == 0.3
        assert settings["epochs"] == 2
        assert settings["size"] == (4 if condition == "uniform" else 8)


def test_gains_are_over_the_control_of_the_same_seed(place):
    labels = np.arange(40) % 2
    right = np.stack([1.0 - labels, labels], axis=1)

    def runs(*logits):
        return [(values, None) for values in logits]

    answers = {
        "1x1, uniform": runs(right, -right),
        "softmax": runs(right, right),
        "uniform": runs(right, -right),
    }
    found = place.differences(answers, labels)
    assert set(found) == {"softmax", "uniform"}
    assert found["softmax"]["mean"] == 0.5
    assert found["uniform"]["mean"] == 0.0
    assert found["uniform"]["interval"] == (0.0, 0.0)


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_of_all_seeds_are_those_of_each(place, classes):
    rng = np.random.default_rng(0)
    labels = np.arange(30) % classes
    logits = rng.integers(0, 4, (30, 5, classes)).astype("float32")  # ties
    each = [place.score(labels, logits[:, seed]) for seed in range(5)]
    np.testing.assert_allclose(place.scores(labels, logits), each)


def test_maps_have_the_network_s_own_pixels(place):
    """The scaling in front is `preprocess_input` of pixels from 0 to 255."""
    from keras_attention.features import preprocess_input

    model = place.network(32, place.PLACES[:1], None)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3))
    scaled = model.layers[1](pixels.astype("float32") / 255)
    expected = preprocess_input(
        pixels, "channels_last", weights="efficientnet_lite0"
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(scaled), expected, atol=1e-5
    )
