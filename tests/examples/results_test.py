"""The README's table of results."""

import importlib.util
import json
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def results():
    path = ROOT / "examples" / "results.py"
    spec = importlib.util.spec_from_file_location("results", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def rows(gain):
    accuracies = {"plain": 0.5, "uniform": 0.6, "attention": 0.6}
    return [
        {
            "model": model,
            "seed": seed,
            "accuracy": accuracy
            + (gain[seed] if model == "attention" else 0.0),
            "auc": None,
        }
        for seed in (0, 1)
        for model, accuracy in accuracies.items()
    ]


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        ((0.1, 0.2), "+15.0 points (+10.0 to +20.0 over 2 seeds)."),
        ((-0.1, 0.2), "the seeds do not agree, so no gain is shown"),
        ((-0.1, -0.2), "it is worse"),
    ],
)
def test_verdict_says_what_the_seeds_say(results, gain, words):
    verdict = results.verdict(rows(gain))
    assert words in verdict
    assert "AUC" not in verdict


def test_readme_has_the_figures_of_the_committed_files(results):
    readme = (ROOT / "README.md").read_text()
    assert results.replaced(readme) == readme


def test_every_committed_run_has_three_seeds_of_three_networks():
    folder = ROOT / "examples" / "results" / "train"
    paths = list(folder.glob("*/results.json"))
    assert len(paths) >= 5
    for path in paths:
        found = json.loads(path.read_text())["rows"]
        pairs = {(row["model"], row["seed"]) for row in found}
        assert len(pairs) == len(found) == 9, path
