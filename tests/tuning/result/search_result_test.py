import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from choice import first
from example_search import example_search

from keras_attention.tuning import SearchResult
from keras_attention.tuning.result import leaderboard


@pytest.fixture(scope="module")
def result():
    return SearchResult(example_search(trials=30))


@pytest.fixture(scope="module")
def few():
    return SearchResult(example_search(trials=3))


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "oracle.json").write_text("{}")
    return SearchResult(tmp_path)


@pytest.fixture
def unfinished():
    folder = example_search(trials=4)
    for path in folder.glob("trial_*/trial.json"):
        state = json.loads(path.read_text())
        state |= {"status": "RUNNING", "score": None}
        state["metrics"] = {"metrics": {}}
        path.write_text(json.dumps(state))
    return SearchResult(folder)


def test_rows_are_plain_and_the_best_first(result):
    rows = result.rows
    assert len(rows) == 30
    scores = [row["score"] for row in rows if row["rank"]]
    assert scores == sorted(scores, reverse=True)
    assert result.best == rows[0]
    assert [row["rank"] for row in rows] == [*range(1, 28), None, None, None]
    assert {row["status"] for row in rows[27:]} == {"FAILED"}
    json.dumps(rows, allow_nan=False)
    rows[0]["hyperparameters"].clear()
    assert result.best["hyperparameters"]


def test_of_equal_trials_the_lowest_number_is_first(tmp_path):
    # Which worker was done first is chance, and the progress names the lowest.
    folder = example_search(tmp_path, trials=12)
    for path in folder.glob("trial_*/trial.json"):
        state = json.loads(path.read_text())
        for metric in state["metrics"]["metrics"].values():
            metric["observations"] = [{"value": [0.9], "step": 0}]
        path.write_text(json.dumps(state))
    oracle = json.loads((folder / "oracle.json").read_text())
    oracle["end_order"].reverse()
    (folder / "oracle.json").write_text(json.dumps(oracle))
    result = SearchResult(folder, "val_accuracy", "max")
    names = [row["trial"] for row in result.rows if row["rank"]]
    assert names == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "10", "11"]


def test_a_minimised_objective_ranks_the_other_way():
    folder = example_search(trials=9)
    result = SearchResult(folder, "flops", "min")
    assert result.best["score"] == min(
        r["metrics"]["flops"] for r in result.rows
    )


def test_the_leaderboard_shows_the_best_ten(result):
    text = str(result)
    header = text.splitlines()[0].split("  ")
    names = [name.strip() for name in header if name.strip()]
    assert names == [
        "configuration",
        "trial",
        "val_accuracy",
        "spread",
        "parameters",
        "GFLOPs",
        "seconds",
        "attention on object",
    ]
    best = result.best
    assert f"mechanism={best['hyperparameters']['mechanism']}" in text
    assert f"{best['score']:.4g}" in text
    assert f" {best['metrics']['flops'] / 1e9:.3g} " in text
    assert f" {best['metrics']['parameters']:,.0f} " in text
    assert "and 17 more: table()" in text
    assert "the same in all trials: width=64" in text
    assert "FAILED 9, 19, 29: ResourceExhaustedError: out of memory" in text
    assert result.table().count("learning_rate=") == 27
    assert max(map(len, text.splitlines())) < 140


def test_long_configurations_are_shortened_but_for_the_whole_table(tmp_path):
    folder = example_search(tmp_path, trials=4)
    for number, path in enumerate(sorted(folder.glob("trial_*/trial.json"))):
        state = json.loads(path.read_text())
        values = state["hyperparameters"]["values"]
        values |= {f"common{i}": number for i in range(5)}
        values |= {f"own{number}_{i}": i for i in range(3)}
        path.write_text(json.dumps(state))
    result = SearchResult(folder)
    text = str(result)
    assert re.search(r"common4=\d,\s+and [34] more", text)
    assert not re.search(r"own\d_", text)
    assert len(re.findall(r"own\d_\d=", result.table())) == 12


def test_what_trials_do_not_tell_has_no_column_or_a_dash():
    folder = example_search(trials=3)
    for number, path in enumerate(sorted(folder.glob("trial_*/trial.json"))):
        state = json.loads(path.read_text())
        kept = {"val_accuracy"} | ({"flops"} if number else set())
        metrics = state["metrics"]["metrics"]
        state["metrics"]["metrics"] = {name: metrics[name] for name in kept}
        path.write_text(json.dumps(state))
    lines = str(SearchResult(folder)).splitlines()
    assert "parameters" not in lines[0]
    assert "GFLOPs" in lines[0]
    assert "spread" in lines[0]
    # One trial without flops, none with a spread.
    assert sum(line.count(" -") for line in lines[2:]) == 4


def test_csv(result):
    rows = list(csv.DictReader(io.StringIO(result.table("csv"))))
    assert len(rows) == 30
    best = result.best
    assert float(rows[0]["score"]) == best["score"]
    chosen = best["hyperparameters"]
    assert rows[0]["hyperparameters.mechanism"] == chosen["mechanism"]
    assert float(rows[0]["metrics.flops"]) == best["metrics"]["flops"]
    assert json.loads(rows[0]["repeats"]) == best["repeats"]
    assert rows[29]["score"] == ""


def test_json(result):
    content = json.loads(result.table("json"))
    assert content["objective"] == "val_accuracy"
    assert content["direction"] == "max"
    assert content["rows"] == result.rows


def test_an_unknown_format(result):
    with pytest.raises(ValueError, match="argument format: expected one of"):
        result.table("latex")


def test_a_search_without_trials(empty, tmp_path):
    assert str(empty) == "No trials yet."
    assert empty.rows == []
    assert empty.table("csv") == "\n"
    with pytest.raises(ValueError, match="It has no trials yet"):
        _ = empty.best
    assert "No trial has finished" in empty.summary()
    assert "No trials yet." in empty.to_html(tmp_path / "a.html").read_text()


def test_a_search_without_a_finished_trial(unfinished, tmp_path):
    with pytest.raises(ValueError, match="0: not finished; 1: not finished"):
        _ = unfinished.best
    assert "4 of 4 trials without a score" in str(unfinished)
    assert "RUNNING 0, 1, 2, 3: not finished" in unfinished.summary()
    unfinished.to_html(tmp_path / "a.html")


def test_the_summary_says_what_won_and_how_sure_it_is(result):
    text = result.summary()
    best = result.best
    start = f"The best of 27 finished trials is trial {best['trial']}"
    assert text.startswith(f"{start} with val_accuracy {best['score']:.4g}")
    assert "larger is better" in text
    assert f"mechanism {best['hyperparameters']['mechanism']}" in text
    assert "GFLOPs an image" in text
    assert "learning_rate (" in text
    assert re.search("No effect was seen of .*dropout", text)
    assert "3 of 30 trials have no score:\n- FAILED 9, 19, 29" in text


def test_the_summary_is_honest_about_few_trials(few):
    text = few.summary()
    assert "3 trials are few: another draw may win." in text
    assert "What mattered cannot be told: 3 finished trials are too few" in text


def set_repeats(folder, scores, spread):
    for number, score in enumerate(scores):
        path = folder / f"trial_{number}" / "trial.json"
        state = json.loads(path.read_text())
        metrics = {"val_accuracy": score}
        if spread is not None:
            metrics["val_accuracy_spread"] = spread
        state["score"] = score
        state["metrics"]["metrics"] = {
            name: {
                "direction": "max",
                "observations": [{"value": [value], "step": 0}],
            }
            for name, value in metrics.items()
        }
        path.write_text(json.dumps(state))
    return SearchResult(folder).summary()


def test_the_gap_is_compared_with_the_spread():
    folder = example_search(trials=4)
    scores = [0.8, 0.9, 0.89, 0.7]
    close = set_repeats(folder, scores, 0.02)
    assert "is 0.01 behind" in close
    assert "does not tell the first 2 apart" in close
    clear = set_repeats(folder, scores, 0.002)
    assert "the lead is probably real" in clear
    unknown = set_repeats(folder, scores, None)
    assert "how much of that gap is chance is not known" in unknown


def test_a_single_trial_is_no_search():
    text = SearchResult(example_search(trials=1)).summary()
    assert text.startswith("The only finished trial is trial 0")
    assert "a measurement, not a search" in text


@pytest.fixture
def compared(tmp_path):
    """Of thirty trials over `block4_attention`, with `none` among it."""
    folder = example_search(tmp_path)
    for path in folder.rglob("*.json"):
        text = path.read_text().replace('"mechanism"', '"block4_attention"')
        path.write_text(text)

    def tell(**settings):
        (folder / "search.json").write_text(json.dumps(settings))
        return SearchResult(folder)

    return tell


def rescore(result, trial, score):
    path = result.directory / f"trial_{trial}" / "trial.json"
    state = json.loads(path.read_text())
    state["score"] = score
    history = state["metrics"]["metrics"]["val_accuracy"]
    history["observations"][0]["value"] = [score]
    for name in list(state["metrics"]["metrics"]):
        if name.startswith("val_accuracy_"):
            del state["metrics"]["metrics"][name]
    path.write_text(json.dumps(state))
    return SearchResult(result.directory)


def test_a_winner_beside_the_majority_and_the_plain_network(compared, tmp_path):
    result = compared(majority=0.31)
    plain = [
        row
        for row in result.rows
        if row["hyperparameters"].get("block4_attention") == "none"
    ]
    assert result.plain.trial_id == plain[0]["trial"]
    text = str(result)
    (row,) = re.findall(r"majority class.*", text)
    assert row.split()[2:4] == ["-", "0.31"]
    assert text.count("plain network: ") == 1
    assert "no better" not in text
    said = result.summary()
    assert "better than always answering the most frequent class" in said
    score = f"{plain[0]['score']:.4g}"
    network = f"The best plain network, trial {plain[0]['trial']}"
    assert f"{network}, has {score}" in said
    page = result.to_html(tmp_path / "page.html").read_text()
    assert "majority class" in page and "plain network: " in page
    content = json.loads(result.table("json"))
    assert content["majority"] == 0.31
    assert content["plain"] == plain[0]["trial"]


def test_the_plain_network_has_one_row_where_it_stands(compared):
    result = compared()
    rank = result.finished.index(result.plain)
    for most in (rank, rank + 1, None):
        table = leaderboard.text(result, most)
        assert table.count("plain network: ") == 1
    assert "majority class" not in table


@pytest.mark.parametrize("majority", first(2, ["equal", "rounded", 0.99]))
def test_a_winner_that_only_answers_the_majority_is_called_so(
    compared, tmp_path, majority
):
    result = compared()
    if majority == "equal":
        majority = result.best["score"]
    if majority == "rounded":
        # What Keras computed in float32 of the same share.
        majority = 0.7
        score = float(np.float32(0.7000001))
        for trial in result.finished:
            result = rescore(result, trial.trial_id, score)
    result = compared(majority=majority)
    said = "no better than always answering the most frequent class"
    page = result.to_html(tmp_path / "page.html").read_text()
    for text in (result.summary(), str(result), result._repr_html_(), page):
        assert f"The winner is {said}" in text


def test_the_majority_beside_another_objective(compared):
    result = compared(majority=0.99)
    result = SearchResult(result.directory, "val_loss", "min")
    # A share is no row in a column of losses.
    assert "majority class" not in str(result)
    assert "no better than always" in str(result)
    result = SearchResult(result.directory, "flops", "min")
    assert "its val_accuracy is" in result.summary()


def test_a_winner_without_attention_is_called_so(compared):
    result = compared()
    result = rescore(result, result.plain.trial_id, 0.999)
    for text in (result.summary(), str(result)):
        assert "The winner is a plain network" in text


def test_a_winner_within_the_spread_of_the_plain_network(compared):
    result = compared()
    plain, best = result.plain.trial_id, result.best
    assert best["spread"] > 1e-6
    result = rescore(result, plain, best["score"] - 1e-6)
    for text in (result.summary(), str(result)):
        assert "not shown to be better than the best plain network" in text
    result = rescore(result, best["trial"], best["score"])
    result = rescore(result, plain, best["score"])
    assert "better than" in str(result) and "repeats" not in str(result)


def test_attention_without_a_plain_network(compared):
    folder = compared().directory
    for path in folder.glob("trial_*/trial.json"):
        path.write_text(path.read_text().replace('"none"', '"eca"'))
    result = SearchResult(folder)
    assert result.plain is None
    assert "what attention adds is not known" in result.summary()


def test_one_place_at_a_time_may_be_none(tmp_path):
    # As `AttentionHyperModel(several=False)` draws it.
    folder = example_search(tmp_path, trials=3)
    for number, path in enumerate(sorted(folder.glob("trial_*/trial.json"))):
        state = json.loads(path.read_text())
        values = {"place": "none", "rate": number}
        if number != 1:
            values |= {"place": "block4", "block4_attention": "se"}
        state["hyperparameters"] = {"space": [], "values": values}
        path.write_text(json.dumps(state))
    assert SearchResult(folder).plain.trial_id == "1"


def test_a_search_of_something_else_has_no_plain_network(result):
    assert result.plain is None
    assert "plain network" not in str(result) + result.summary()


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.opened, self.images, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img", "br"):
            self.opened.append(tag)
        for name, value in attributes:
            if name in ("src", "href"):
                self.links.append(value)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def test_the_page_needs_no_other_file(result, tmp_path):
    path = result.to_html(tmp_path / "new" / "page.html")
    text = path.read_text()
    page = _Page()
    page.feed(text)
    assert page.opened == []
    assert len(page.links) == 7
    assert all(link.startswith("data:image/svg+xml;") for link in page.links)
    assert "<script" not in text
    assert "http" not in re.sub('src="[^"]*"', "", text)
    assert text.count("learning_rate=") == 27
    assert len(text) < 2_000_000


def test_what_others_named_is_escaped(tmp_path):
    folder = example_search(tmp_path, trials=3)
    for path in folder.glob("trial_*/trial.json"):
        text = path.read_text()
        path.write_text(text.replace("mechanism", "<script>alert(1)"))
    result = SearchResult(folder)
    assert "<script" not in result._repr_html_()
    assert "<script" not in result.to_html(tmp_path / "a.html").read_text()
    assert "&lt;script&gt;" in result._repr_html_()


def test_the_same_page_twice(few, tmp_path):
    first = few.to_html(tmp_path / "a.html").read_text()
    assert first == few.to_html(tmp_path / "a.html").read_text()
