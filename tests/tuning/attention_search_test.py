"""A search of attention from end to end, on images that it could learn."""

import importlib.util
import pathlib
import re
import sys

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import tuning

SCRIPT = pathlib.Path(__file__).parents[2] / "examples" / "search.py"
CHOICES = {
    "optimizer": "adamw",
    "learning_rate": [1e-3, 1e-2],
    "weight_decay": 1e-4,
    "schedule": "constant",
    "warm_up": 0.0,
    "reduction_ratio": 4,
    "identity_init": False,
}


def base():
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="first")(inputs)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(8, 3, activation="relu", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))


def images(count, seed):
    """A bright spot, or two; its masks."""
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 0.05, (count, 12, 12, 1)).astype("float32")
    y = generator.integers(2, size=count)
    mask = np.zeros_like(x)
    for image, spot, label in zip(x, mask, y, strict=True):
        for _ in range(1 + label):
            row, column = generator.integers(2, 9, size=2)
            image[row : row + 2, column : column + 2] += 1
            spot[row : row + 2, column : column + 2] = 1
    return {"image": x, "label": y, "mask": mask}


@pytest.mark.long
@not_on_jax
def test_search_and_retrain(tmp_path):
    train, validation, test = (images(16, seed) for seed in range(3))
    hypermodel = tuning.AttentionHyperModel(
        base=base(),
        mechanisms=["se", "cbam_spatial"],
        places=["first", "second"],
        choices={**CHOICES, "kernel_size": 3},
        epochs=1,
        batch_size=8,
        seeds=2,
    )
    assert hypermodel.space_size() == 3 * 3 * 2
    result = tuning.search(
        hypermodel, train, validation, max_trials=2, directory=tmp_path / "s"
    )
    assert [row["status"] for row in result.rows] == ["COMPLETED"] * 2
    with pytest.raises(ValueError, match="'val_acc'.*mean 'val_accuracy'"):
        tuning.search(hypermodel, None, None, objective="val_acc", max_trials=2)
    for row in result.rows:
        assert len(row["repeats"]) == 2
        assert row["score"] == pytest.approx(np.mean(row["repeats"]))
        metrics = row["metrics"]
        assert {*metrics} <= hypermodel.metric_names()
        attends = "cbam_spatial" in row["hyperparameters"].values()
        assert ("attention_energy" in metrics) == attends
        assert (
            metrics["parameters"]
            >= hypermodel.base.build({}, {}).count_params()
        )
    page = result.to_html(tmp_path / "page.html").read_text()
    assert "What mattered" in page
    winner = result.winner().values
    assert result.best_model(hypermodel).output_shape == (None, 2)
    # What it was in the search, were it of that seed.
    again = result.retrain(
        hypermodel=hypermodel,
        train=train,
        validation=validation,
        test=(validation["image"], validation["label"]),
        seeds=(0, 1),
    )
    assert again.values == pytest.approx(result.best["repeats"])
    assert again.search_score == result.best["score"]
    for values in hypermodel.baselines(winner).values():
        plain = result.retrain(
            hypermodel=hypermodel,
            values=values,
            train=train,
            test=(test["image"], test["label"]),
            validation=validation,
            seeds=(5,),
        )
        assert plain.search_score is None
    other = tuning.AttentionHyperModel(
        base=base(), mechanisms="eca", places=["first", "second"]
    )
    with pytest.raises(ValueError, match="hypermodel.*the search.*_attention"):
        result.retrain(
            hypermodel=other, train=train, validation=validation, test=test
        )


def test_baselines():
    hypermodel = tuning.AttentionHyperModel(
        (32, 32, 1),
        2,
        mechanisms=["se", "uniform", "mhsa"],
        places=["block3", "block4"],
        choices={**CHOICES, "width_multiplier": 1 / 16, "dropout": [0.0, 0.2]},
    )
    values = {
        "block3_attention": "se",
        "block4_attention": "none",
        "adamw_learning_rate": 0.01,
        "dropout": 0.2,
        "tuner/initial_epoch": 3,
    }
    kept = {"adamw_learning_rate": 0.01, "dropout": 0.2}
    none = {"block3_attention": "none", "block4_attention": "none"}
    found = hypermodel.baselines(values)
    assert found == {
        "plain": {**none, **kept},
        "uniform": {**none, "block3_attention": "uniform", **kept},
    }
    for baseline in found.values():
        hypermodel.build_from_values(baseline)
    assert hypermodel.baselines({**none, **kept}) == {}
    values = {**none, **kept, "block4_attention": "mhsa"}
    values["block4_mhsa_num_heads"] = 2
    plain = hypermodel.baselines(values)["plain"]
    assert plain == {**none, **kept}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("search_script", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_example_has_at_most_ten_flags(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["search.py", "--help"])
    with pytest.raises(SystemExit):
        script.main()
    flags = re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.M)
    assert 0 < len(flags) <= 10


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--trials 0", "trials=0"),
        ("--workers many", "workers"),
        ("--mechanisms seh", "seh"),
        ("--dataset mnits", "Unknown data set 'mnits'"),
    ],
)
def test_the_example_refuses_in_one_line(
    script, monkeypatch, capsys, arguments, message
):
    monkeypatch.setattr(sys, "argv", ["search.py", *arguments.split()])
    assert script.main() == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("search.py: error: ") and "\n" not in error
    assert message in error


@pytest.mark.long
def test_the_example_writes_its_files(script, monkeypatch, tmp_path):
    command = (
        f"search.py --images 64 --epochs 1 --trials 2 --output {tmp_path} "
        "--mechanisms se uniform --width 0.0625 --workers 1"
    )
    monkeypatch.setattr(sys, "argv", command.split())
    monkeypatch.setattr(script, "SEEDS", [1])
    monkeypatch.setitem(script.DIGITS, "test", 64)
    assert script.main() == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *("leaderboard.csv", "leaderboard.json", "summary.txt", "search.html"),
        *("retrained.json", "config.json", "trials"),
        *(f"{name}.png" for name in script.FIGURES),
    }
    assert "fresh seeds" in (tmp_path / "summary.txt").read_text()
