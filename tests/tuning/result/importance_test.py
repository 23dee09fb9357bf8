import numpy as np
import pytest

from keras_attention.tuning.result.effects import effect
from keras_attention.tuning.result.effects import main_effects
from keras_attention.tuning.result.hyperparameters import OFF
from keras_attention.tuning.result.hyperparameters import Hyperparameter
from keras_attention.tuning.result.hyperparameters import hyperparameters
from keras_attention.tuning.result.importance import importance
from keras_attention.tuning.result.trial import Trial


def draw(count, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.random((count, 3))
    x[:, 1] = generator.integers(0, 3, count) / 2
    noise = 0.05 * generator.normal(size=count)
    return x, x[:, 0] + 0.5 * x[:, 1] + noise


def test_what_matters_is_found_and_what_does_not_is_not():
    x, y = draw(60)
    found = importance(x, ["large", "small", "nothing"], y)
    assert [row["name"] for row in found.rows] == ["large", "small", "nothing"]
    assert found.mattered == ["large", "small"]
    assert found.rows[2]["low"] <= 0 <= found.rows[2]["high"]
    assert found.explained > 0.5
    assert found.note == ""
    for row in found.rows:
        assert row["low"] <= row["mean"] <= row["high"]


def test_off_is_a_value():
    generator = np.random.default_rng(0)
    off = generator.random(60) < 0.5
    x = np.where(off, OFF, 0.0)[:, None]
    found = importance(x, ["optional"], 1.0 * off)
    assert found.mattered == ["optional"]


def test_noise_is_called_noise():
    x, _ = draw(40)
    y = np.random.default_rng(0).random(40)
    found = importance(x, ["a", "b", "c"], y)
    assert found.explained <= 0
    assert "is noise" in found.note


def test_the_same_every_time():
    x, y = draw(20)
    names = ["a", "b", "c"]
    assert importance(x, names, y).rows == importance(x, names, y).rows


@pytest.mark.parametrize(
    "count, columns, note",
    [
        (11, 3, "11 finished trials are too few .* it takes 12"),
        (15, 8, "15 finished trials are too few .* it takes 16"),
        (0, 3, "0 finished trials are too few"),
        (20, 0, "no hyperparameter differs"),
    ],
)
def test_too_little_to_tell(count, columns, note):
    names = [str(number) for number in range(columns)]
    found = importance(np.zeros((count, columns)), names, np.arange(count))
    assert found.rows == []
    assert found.mattered == []
    with pytest.raises(AssertionError, match=note):
        raise AssertionError(found.note)


def test_equal_scores():
    x, _ = draw(20)
    found = importance(x, ["a", "b", "c"], np.ones(20))
    assert found.note == "all trials have the same score"


def trial(score, **values):
    return Trial("0", "COMPLETED", score=score, values=values)


def entry(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, **config}}


def test_hyperparameters_know_their_kind_and_order():
    space = [
        entry("Choice", "kind", values=["z", "a", "m"]),
        entry("Choice", "width", values=[64, 8, 16]),
        entry("Float", "rate", sampling="log"),
        entry("Int", "depth", sampling="linear"),
        entry("Boolean", "flip"),
        entry("Fixed", "same"),
    ]
    trials = [
        trial(1, kind="m", width=16, rate=1e-2, depth=3, flip=True, same=1),
        trial(2, kind="z", width=64, rate=1e-4, depth=1, flip=False, same=1),
        trial(3, kind="z", width=16, rate=1e-3, same=1, own="x"),
    ]
    found = {
        parameter.name: parameter
        for parameter in hyperparameters(trials, space)
    }
    assert list(found) == ["kind", "width", "rate", "depth", "flip", "own"]
    assert found["kind"].values == ("z", "m")
    assert found["width"].values == (16, 64)
    assert found["rate"].position(1e-3) == pytest.approx(0.5)
    assert found["depth"].kind == "linear"
    assert found["depth"].optional
    assert not found["kind"].optional
    assert found["own"].position(None) == OFF
    assert found["own"].position("x") == 0.5


def test_intervals_of_means():
    values = [1.0, 2.0, 4.0]
    trials = [trial(v, kind="a") for v in values] + [trial(9.0, kind="b")]
    parameter = Hyperparameter("kind", "categories", ("a", "b", "c"), False)
    first, second = effect(parameter, trials)
    # Student's t with two degrees of freedom: 4.3027.
    half = 4.302653 * np.std(values, ddof=1) / np.sqrt(3)
    assert first["mean"] == pytest.approx(7 / 3)
    assert first["low"] == pytest.approx(7 / 3 - half, rel=1e-5)
    assert first["high"] == pytest.approx(7 / 3 + half, rel=1e-5)
    assert (second["low"], second["high"]) == (None, None)


def test_numbers_are_cut_into_three_groups():
    values = [10.0**-power for power in range(1, 8)]
    trials = [trial(number, rate=v) for number, v in enumerate(values)]
    trials.append(trial(0.5, other=1))
    (parameter, _) = hyperparameters(
        trials, [entry("Float", "rate", sampling="log")]
    )
    groups = effect(parameter, trials)
    labels = [group["label"] for group in groups]
    assert labels == ["1e-07 to 1e-05", "0.0001 to 0.001", "0.01 to 0.1", "off"]
    assert sum(len(group["scores"]) for group in groups) == 8


def test_values_that_look_alike_share_a_group():
    trials = [trial(1.0, rate=1e-3), trial(2.0, rate=1.0000001e-3), trial(3.0)]
    (parameter,) = hyperparameters(trials, [])
    groups = effect(parameter, trials)
    assert [group["label"] for group in groups] == ["0.001", "off"]
    assert groups[0]["scores"] == [1.0, 2.0]


def test_a_trial_counts_for_every_place_and_mechanism_it_has():
    trials = [
        trial(1.0, block3_attention="se", block4_attention="none"),
        trial(2.0, block3_attention="se", block4_attention="cbam"),
        trial(3.0, block3_attention="none", block4_attention="none"),
    ]
    found = main_effects(hyperparameters(trials, []), trials)
    scores = {
        title: {group["label"]: group["scores"] for group in groups}
        for title, groups in found.items()
    }
    assert scores == {
        "mechanism, anywhere": {"se": [1.0, 2.0], "cbam": [2.0], "none": [3.0]},
        "attention at": {
            "block3": [1.0, 2.0],
            "block4": [2.0],
            "none": [3.0],
        },
    }


def test_without_mechanism_or_place_the_first_categories():
    trials = [trial(1.0, a="x", b=1.5), trial(2.0, a="y", b=2.5)]
    assert list(main_effects(hyperparameters(trials, []), trials)) == ["a"]
    trials = [trial(1.0, b=1.5), trial(2.0, b=2.5)]
    assert list(main_effects(hyperparameters(trials, []), trials)) == ["b"]
