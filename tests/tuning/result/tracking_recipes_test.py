"""The recipes of docs/tracking.md, run with stand-ins for the trackers."""

import pathlib
import re
import sys
import types

import pytest
from example_search import example_search

from keras_attention.tuning import SearchResult

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "tracking.md"
RECIPES = {
    re.search(r"import (\w+)", block)[1]: block
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
}


@pytest.fixture
def result(tmp_path, monkeypatch):
    """Ten trials, of which the last has failed and another one runs."""
    folder = example_search(tmp_path / "runs" / "search", trials=10)
    running = folder / "trial_3" / "trial.json"
    running.write_text(running.read_text().replace("COMPLETED", "RUNNING"))
    monkeypatch.chdir(tmp_path)
    return SearchResult(folder)


def run(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(RECIPES[name], PAGE.name, "exec"), {})


def test_mlflow(result, monkeypatch):
    runs = []

    def note(key, *names):
        return lambda *values: runs[-1].setdefault(key, []).append(values)

    module = types.SimpleNamespace(
        set_experiment=lambda name: runs.append({"experiment": name}),
        start_run=lambda run_name: runs.append({"name": run_name}),
        set_tag=note("tags"),
        log_params=note("params"),
        log_metrics=note("metrics"),
        end_run=note("end"),
    )
    run("mlflow", module, monkeypatch)
    assert runs.pop(0) == {"experiment": "search"}
    assert len(runs) == 9
    best = result.best
    assert runs[0]["name"] == f"trial {best['trial']}"
    assert runs[0]["params"] == [(best["hyperparameters"],)]
    assert runs[0]["metrics"] == [(best["metrics"],)]
    assert [made["end"] for made in runs] == [[("FINISHED",)]] * 8 + [
        [("FAILED",)]
    ]
    assert dict(runs[8]["tags"])["reason"].startswith("ResourceExhausted")


def test_wandb(result, monkeypatch):
    runs = []

    class Run:
        def __init__(self, **options):
            self.options, self.summary = options, {}
            runs.append(self)

        def log(self, metrics):
            self.metrics = metrics

        def finish(self, exit_code):
            self.code = exit_code

    run("wandb", types.SimpleNamespace(init=Run), monkeypatch)
    best = result.best
    assert runs[0].options == {
        "project": "search",
        "name": f"trial {best['trial']}",
        "config": best["hyperparameters"],
    }
    assert runs[0].metrics == best["metrics"]
    assert [made.code for made in runs] == [0] * 8 + [1]
    assert runs[8].summary["reason"].startswith("ResourceExhausted")
