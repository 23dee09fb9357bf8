import json

import keras_tuner
import pytest

from keras_attention.tuning.engine import settings
from keras_attention.tuning.engine.folder import Folder


def space(high=8, gone=False):
    hp = keras_tuner.HyperParameters()
    hp.Int("units", 1, high)
    hp.Choice("kind", ["a", "b"])
    if not gone:
        with hp.conditional_scope("kind", ["b"]):
            hp.Float("rate", 0.1, 1.0, sampling="log")
    return json.loads(json.dumps(hp.get_config()["space"]))


def base(**changed):
    known = {"tuner": "RandomSearch", "seed": 0, "options": {}}
    return {**known, "space": space(), "complete": True, **changed}


def test_the_same_search():
    assert settings.changes(base(), base(max_trials=90)) == []


def test_differences_in_words():
    assert settings.changes(
        base(), base(seed=1, options={"beta": 2}, space=space(16, True))
    ) == [
        "options was {} and is now {'beta': 2}",
        "seed was 0 and is now 1",
        "hyperparameter rate is gone",
        "hyperparameter units was Int(min_value=1, max_value=8, "
        "step=1, sampling='linear') and is now Int(min_value=1, "
        "max_value=16, step=1, sampling='linear')",
    ]
    assert settings.changes(base(space=space(gone=True)), base()) == [
        "hyperparameter rate is new"
    ]


def test_a_space_that_was_cut_short_is_not_compared():
    cut = base(space=space(gone=True), complete=False)
    assert settings.changes(cut, base()) == []


def test_a_space_survives_its_file():
    again = settings.space_of(space())
    assert settings.plain(again.get_config()["space"]) == space()
    assert [hp.name for hp in again.space] == ["units", "kind", "rate"]


def test_a_change_of_conditions_is_one_change():
    hp = keras_tuner.HyperParameters()
    hp.Int("units", 1, 8)
    hp.Choice("kind", ["a", "b"])
    hp.Float("rate", 0.1, 1.0, sampling="log")
    always = json.loads(json.dumps(hp.get_config()["space"]))
    (line,) = settings.changes(base(), base(space=always))
    assert line.startswith("hyperparameter rate was Float(")
    assert line.endswith("always") and "where kind in ['b'] and is now" in line


def test_a_search_of_somebody_else_is_refused(tmp_path):
    folder = Folder(tmp_path)
    assert settings.read_settings(folder) is None
    (tmp_path / "oracle.json").write_text("{}")
    with pytest.raises(ValueError, match="overwrite=True"):
        settings.read_settings(folder)
