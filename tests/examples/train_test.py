"""The main job from the command line: what it writes and what it refuses."""

import csv
import functools
import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import types

import keras
import numpy as np
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
    # The pipelines take longer than these trainings.
    once = functools.cache(script.sources._of_tfds)
    monkeypatch.setattr(script.sources, "_of_tfds", once)

    def call(function):
        def with_arguments(arguments):
            monkeypatch.setattr(sys, "argv", ["train.py", *arguments.split()])
            return function()

        return with_arguments

    return types.SimpleNamespace(
        script=script,
        main=call(script.main),
        parse=call(lambda: script.parse_arguments()[:2]),
    )


@pytest.fixture
def attention_alone(train, monkeypatch):
    """One network instead of three."""
    networks = train.script.networks
    monkeypatch.setattr(
        train.script,
        "networks",
        lambda *args: {"attention": networks(*args)["attention"]},
    )


THREE = ("plain", "uniform", "attention")


def results(folder):
    """Names of the files that a run leaves, its lock aside."""
    return {path.name for path in folder.iterdir()} - {".run.lock"}


def all_of(*names):
    """The same, of these networks."""
    files = {"results.json", "config.json", "history.csv", "attention.png"}
    return files | {f"{name}.keras" for name in names}


def test_goes_on_and_writes_everything(
    train, attention_alone, tmp_path, capsys, monkeypatch
):
    first = tmp_path / "first"
    command = f"{FAST} --output first --epochs 2"
    notes = first / "unfinished" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")

    with monkeypatch.context() as patch:
        ends = train.script.Progress.on_epoch_end

        def stop(*arguments):
            ends(*arguments)
            signal.raise_signal(signal.SIGTERM)

        patch.setattr(train.script.Progress, "on_epoch_end", stop)
        assert train.main(command) == 143
    assert results(first) == {"unfinished"}
    assert "epoch 2/2" not in capsys.readouterr().out

    assert train.main(command) == 0
    printed = capsys.readouterr().out
    assert "attention: goes on at epoch 2 of 2\n  epoch 2/2" in printed
    assert results(first) == {*all_of("attention"), "unfinished"}
    # What is not its own it leaves.
    assert [*notes.parent.iterdir()] == [notes]

    found = json.loads((first / "results.json").read_text())
    (row,) = found["rows"]
    assert row["model"] == "attention"
    assert set(row["attention"]) == {
        "block3_relu2_attn_pool",
        "block3_relu3_attn_pool",
    }
    assert found["environment"]["backend"] == keras.backend.backend()
    with open(first / "history.csv") as file:
        assert [line["epoch"] for line in csv.DictReader(file)] == ["1", "2"]
    keras.saving.load_model(first / "attention.keras")

    before = (first / "attention.keras").stat()
    assert train.main(command) == 0
    assert "first is whole; --restart" in capsys.readouterr().out
    assert (first / "attention.keras").stat() == before

    # The config is the run: read again, it gives the same arguments.
    saved = json.loads((first / "config.json").read_text())
    arguments, recipe = train.parse("--config first/config.json --seeds 2")
    changed = {"seeds": 2, "output": "first-again"}
    assert arguments == {**saved["arguments"], **changed}
    assert recipe == saved["recipe"] == train.script.RECIPE


def command(folder):
    """The script in a process of its own, all three networks."""
    arguments = FAST.split() + ["--epochs", "2", "--output", folder]
    return [sys.executable, SCRIPT, *arguments]


@pytest.mark.long
def test_killed_anywhere_it_ends_with_the_same(train, tmp_path):
    whole = subprocess.run(
        command(tmp_path / "whole"), capture_output=True, check=True, text=True
    )
    assert whole.stdout.count("epoch 2/2") == len(THREE)
    assert results(tmp_path / "whole") == all_of(*THREE)
    killed = tmp_path / "killed"
    rng = np.random.default_rng(0)
    ended, ends = [], [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    for number in ends:
        process = subprocess.Popen(
            command(killed), stdout=subprocess.PIPE, text=True
        )
        # It is not whole yet, and has begun.
        assert process.stdout.readline().startswith("cluttered_digits/")
        time.sleep(rng.uniform(1, 8))
        # Another one stays out.
        if number == signal.SIGKILL:
            other = subprocess.run(
                command(killed), capture_output=True, text=True
            )
            assert other.returncode in (0, 2)
            if other.returncode:
                assert f"in use by process {process.pid}" in other.stderr
        process.send_signal(number)
        printed = process.communicate()[0]
        ended.append(process.returncode)
        config = (killed / "config.json").exists()
        assert config <= (all_of(*THREE) <= results(killed))
        if config:
            break
        print(number, process.returncode, printed)
    assert {*ended} <= {-9, 143, -15, 130, 0}
    last = subprocess.run(
        command(killed), capture_output=True, check=True, text=True
    )
    assert "whole" in last.stdout or "Written to" in last.stdout
    assert results(killed) == all_of(*THREE)
    one, other = (tmp_path / f / "history.csv" for f in ("whole", "killed"))
    assert one.read_text() == other.read_text()
    for name in THREE:
        one, other = (
            keras.saving.load_model(tmp_path / f / f"{name}.keras")
            for f in ("whole", "killed")
        )
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_a_run_before_has_left_goes_with_it(train, tmp_path):
    settings = {"arguments": {"seeds": 2}, "recipe": {}}
    config = {**settings, "environment": {"backend": keras.backend.backend()}}
    names = ["plain-seed0.keras", "plain-seed1.keras"]
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "files": names})
    )
    for name in (*names, "mine.keras"):
        (tmp_path / name).write_text("")
    opened = train.script.run_folder.opened
    other = {"arguments": {"seeds": 1}, "recipe": {}}
    with (
        pytest.raises(ValueError, match="seeds: 2 before, 1 now.*--restart"),
        opened(tmp_path, other),
    ):
        pass
    with opened(tmp_path, settings) as run:
        assert run.is_whole
    with opened(tmp_path, settings, restart=True) as run:
        assert not run.is_whole
        assert (tmp_path / names[0]).exists()  # until there are new ones
        run.open_results()
    assert {path.name for path in tmp_path.iterdir()} == {
        ".run.lock",
        "unfinished",
        "mine.keras",
    }
    # Ended between two files, it is completed.
    with opened(tmp_path, settings) as run:
        assert not run.is_whole
        run.close_results(config, ["mine.keras"])
    with opened(tmp_path, settings) as run:
        assert run.is_whole
    (tmp_path / "mine.keras").unlink()
    with (
        pytest.raises(ValueError, match="lost its mine.keras"),
        opened(tmp_path, settings),
    ):
        pass


def test_a_loss_that_is_not_finite_ends_it(
    train, attention_alone, tmp_path, capsys
):
    (tmp_path / "steep.json").write_text('{"recipe": {"learning_rate": 1e30}}')
    assert train.main(f"{FAST} --config steep.json --output steep") == 1
    error = capsys.readouterr().err
    assert error.startswith("train.py: error: attention: The loss is nan after")
    assert "batch 1 (examples [" in error
    names = {path.name for path in (tmp_path / "steep").iterdir()}
    assert names == {".run.lock", "unfinished"}


def test_one_at_a_time(train, tmp_path, capsys):
    with train.script.run_folder.locked(tmp_path / "first", ".run", "a test"):
        assert train.main(f"{FAST} --output first") == 2
    assert f"in use by process {os.getpid()}" in capsys.readouterr().err


def test_a_config_may_set_a_part_of_the_recipe(train, tmp_path):
    (tmp_path / "flip.json").write_text('{"recipe": {"flip": "both"}}')
    arguments, recipe = train.parse("--config flip.json")
    assert recipe == {**train.script.RECIPE, "flip": "both"}
    assert arguments["dataset"] == "cluttered_digits"


def test_has_at_most_ten_flags_beside_those_of_a_call(train, capsys):
    with pytest.raises(SystemExit):
        train.parse("--help")
    flags = re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.M)
    assert {"--config", "--restart"} < {*flags} and len(flags) <= 12


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
