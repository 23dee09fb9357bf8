"""The main job from the command line: what it writes and what it refuses."""

import csv
import importlib.util
import json
import pathlib
import re
import sys
import types

import keras
import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "examples" / "train.py"
FAST = "--images 64 --epochs 1 --size 32 --width 0.0625 --batch-size 32"


@pytest.fixture
def train(monkeypatch, tmp_path, eagerly):
    """The script in this process, run with the given arguments."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("train", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script.sources, "TEST_IMAGES", 40)

    def call(function):
        def with_arguments(arguments):
            monkeypatch.setattr(sys, "argv", ["train.py", *arguments.split()])
            return function()

        return with_arguments

    return types.SimpleNamespace(
        script=script,
        main=call(script.main),
        parse=call(script.parse_arguments),
    )


THREE = ("plain", "uniform", "attention")


# `.ci/run` has all three as well, from the command line.
@pytest.mark.parametrize(
    "names",
    [("attention",), pytest.param(THREE, marks=pytest.mark.long)],
    ids="-".join,
)
def test_writes_everything(train, tmp_path, capsys, monkeypatch, names):
    networks = train.script.networks
    monkeypatch.setattr(
        train.script,
        "networks",
        lambda *args: {name: networks(*args)[name] for name in names},
    )
    assert train.main(f"{FAST} --output first") == 0
    printed = capsys.readouterr().out
    assert printed.count("epoch 1/1") == len(names)  # one line an epoch
    first = tmp_path / "first"
    assert {path.name for path in first.iterdir()} == {
        "results.json",
        "config.json",
        "history.csv",
        "attention.png",
        *(f"{name}.keras" for name in names),
    }
    results = json.loads((first / "results.json").read_text())
    rows = results["rows"]
    assert [row["model"] for row in rows] == [*names]
    assert set(rows[-1]["attention"]) == {
        "block3_relu2_attn_pool",
        "block3_relu3_attn_pool",
    }
    assert results["environment"]["backend"] == keras.backend.backend()
    with open(first / "history.csv") as file:
        assert len(list(csv.DictReader(file))) == len(names)
    keras.saving.load_model(first / "attention.keras")

    # The config is the run: read again, it gives the same arguments.
    saved = json.loads((first / "config.json").read_text())
    arguments, recipe = train.parse("--config first/config.json --seeds 2")
    changed = {"seeds": 2, "output": "first-again"}
    assert arguments == {**saved["arguments"], **changed}
    assert recipe == saved["recipe"] == train.script.RECIPE


def test_a_config_may_set_a_part_of_the_recipe(train, tmp_path):
    (tmp_path / "flip.json").write_text('{"recipe": {"flip": "both"}}')
    arguments, recipe = train.parse("--config flip.json")
    assert recipe == {**train.script.RECIPE, "flip": "both"}
    assert arguments["dataset"] == "cluttered_digits"


def test_has_at_most_ten_flags_beside_config(train, capsys):
    with pytest.raises(SystemExit):
        train.parse("--help")
    flags = re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.M)
    assert "--config" in flags and len(flags) <= 11


@pytest.mark.parametrize(
    "config",
    sorted((SCRIPT.parent / "results").glob("train/*/config.json")),
    ids=lambda path: path.parent.name,
)
def test_committed_runs_can_be_repeated(train, config):
    arguments, recipe = train.parse(f"--config {config}")
    assert arguments["seeds"] == 3
    assert set(recipe) == set(train.script.RECIPE)


def test_summary(train):
    accuracy = {
        "plain": (0.5, 0.6),
        "uniform": (0.6, 0.7),
        "attention": (0.9, 0.8),
    }
    rows = [
        {"model": model, "seed": seed, "accuracy": accuracy[model][seed]}
        for seed in (0, 1)
        for model in accuracy
    ]
    lines = train.script.summary(rows).splitlines()
    assert lines[0].startswith("plain      55.0% on average, 50.0% to 60.0%")
    assert lines[3] == "attention - uniform: +20.0 points, +10.0 to +30.0"
    assert lines[4] == "attention - plain: +30.0 points, +20.0 to +40.0"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--attention attn_pol", "Unknown attention layer 'attn_pol'"),
        ("--blocks block9", "'block9', which matches no layer"),
        ("--dataset mnits", "Unknown data set 'mnits'"),
        ("--attention se", "pools or gates"),
        ("--seeds 0", "seeds=0"),
        ("--epochs -1", "epochs=-1"),
        ("--width 0", "width_multiplier"),
        ("--size 8", "canvas"),
        ("--output file/below", "file"),
        ("--config missing.json", "missing.json"),
        ("--config other.json", "it sets the arguments ['learning']"),
        ("--config recipe.json", "it sets the recipe ['flop']"),
        ("--config empty.json", "neither arguments nor a recipe"),
    ],
)
def test_refuses_in_one_line(train, tmp_path, capsys, arguments, message):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "other.json").write_text('{"arguments": {"learning": 1}}')
    (tmp_path / "recipe.json").write_text('{"recipe": {"flop": "both"}}')
    (tmp_path / "empty.json").write_text("{}")
    assert train.main(f"{FAST} {arguments}") == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("train.py: error: ") and "\n" not in error
