"""The tables of the README and of the pages in docs."""

import importlib
import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def results(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module("results")


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
    verdict = results.training.verdict(rows(gain))
    assert words in verdict
    assert "AUC" not in verdict


def test_pages_have_the_figures_of_the_committed_files(results):
    for page, parts in results.PAGES.items():
        text = (ROOT / page).read_text()
        assert results.replaced(text, parts) == text, page


def test_every_mark_in_a_page_is_filled(results):
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    for path in pages:
        marks = re.findall(r"<!-- (?!end of )(\w+) -->", path.read_text())
        page = path.relative_to(ROOT).as_posix()
        assert sorted(marks) == sorted(results.PAGES.get(page, ())), page


def test_spread_of_gains_has_no_negative_zero(results):
    assert (
        results.training.signed_spread([-0.04, 0.01]) == "+0.0 (+0.0 to +0.0)"
    )


def test_every_committed_run_has_three_seeds_of_three_networks():
    folder = ROOT / "examples" / "results" / "train"
    paths = list(folder.glob("*/results.json"))
    assert len(paths) >= 5
    for path in paths:
        found = json.loads(path.read_text())["rows"]
        pairs = {(row["model"], row["seed"]) for row in found}
        assert len(pairs) == len(found) == 9, path


def test_heads_at_every_place_have_five_seeds_and_the_control(results):
    found = results.places.place_data()
    assert {data["data"] for data in found} == {"groceries", "lesions"}
    for data in found:
        scores = results.places.place_scores(data)
        assert {len(seeds) for seeds in scores.values()} == {5}
        assert len(data["maps"]) == 5
        for place in data["maps"]:
            assert (place, "1x1, uniform") in scores


def test_hard_attention_has_what_the_page_says_of_softs_gain(results):
    sentences = results.sentences
    exact = ({"exact_match": share} for share in (0.5, 0.6, 0.2))
    assert sentences.share(*exact) == pytest.approx(0.75)
    rows = sentences.read("attention")
    found = {(row["attention"], row["seed"]): row for row in rows}
    assert len(rows) == len(found) == 12  # four attentions, three seeds
    for seed in range(3):
        hard, soft, uniform = (
            found[kind, seed] for kind in ("hard", "soft", "uniform")
        )
        assert sentences.share(hard, soft, uniform) >= 0.8
