import subprocess
import sys
import types

import pytest

from keras_attention.tuning import SearchResult
from keras_attention.tuning.result.example_search import example_search


@pytest.fixture(scope="module")
def result():
    return SearchResult(example_search(trials=10))


class Calls:
    """Records every call as `(name, positional, named)`."""

    def __init__(self, **answers):
        self.calls, self.answers = [], answers

    def __getattr__(self, name):
        def record(*arguments, **named):
            self.calls.append((name, arguments, named))
            answer = self.answers.get(name)
            return answer() if callable(answer) else answer

        return record

    def named(self, name):
        return [call[1:] for call in self.calls if call[0] == name]


def fake_client(known=None):
    numbers = iter(range(100))

    def run():
        info = types.SimpleNamespace(run_id=f"run{next(numbers)}")
        return types.SimpleNamespace(info=info)

    return Calls(
        get_experiment_by_name=known,
        create_experiment="new",
        create_run=run,
    )


def test_mlflow_has_a_run_a_trial(result):
    client = fake_client()
    runs = result.to_mlflow(client, experiment="attention")
    assert runs == [f"run{number}" for number in range(10)]
    assert client.named("create_experiment") == [(("attention",), {})]
    first = client.named("create_run")[0]
    best = result.best
    assert first[0] == ("new",)
    assert first[1]["tags"]["mlflow.runName"] == f"trial {best['trial']}"
    params = {
        a[1]: a[2] for a, _ in client.named("log_param") if a[0] == "run0"
    }
    assert params == best["hyperparameters"]
    logged = client.named("log_metric")
    assert {a[1]: a[2] for a, _ in logged if a[0] == "run0"} == best["metrics"]
    ends = {
        a[0]: named["status"] for a, named in client.named("set_terminated")
    }
    assert ends == {f"run{n}": "FINISHED" for n in range(9)} | {
        "run9": "FAILED"
    }
    reason = client.named("create_run")[9][1]["tags"]["reason"]
    assert reason.startswith("ResourceExhaustedError")


def test_mlflow_uses_an_experiment_that_is_there(result):
    client = fake_client(types.SimpleNamespace(experiment_id="old"))
    result.to_mlflow(client)
    assert client.named("create_experiment") == []
    folder = result.directory.name
    assert client.named("get_experiment_by_name") == [((folder,), {})]
    assert {call[0][0] for call in client.named("create_run")} == {"old"}


def test_mlflow_makes_its_own_client(result, monkeypatch):
    client = fake_client()
    module = types.SimpleNamespace(MlflowClient=lambda: client)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    assert len(result.to_mlflow()) == 10


def test_wandb_has_a_run_a_trial(result, monkeypatch):
    runs = []

    def init(**options):
        run = Calls()
        run.options, run.summary, run.id = options, {}, f"id{len(runs)}"
        runs.append(run)
        return run

    module = types.SimpleNamespace(init=init)
    monkeypatch.setitem(sys.modules, "wandb", module)
    ids = result.to_wandb("project", mode="offline")
    assert ids == [f"id{number}" for number in range(10)]
    best = result.best
    options = runs[0].options
    assert options["project"] == "project"
    assert options["name"] == f"trial {best['trial']}"
    assert options["config"] == best["hyperparameters"]
    assert options["mode"] == "offline"
    assert runs[0].named("log") == [((best["metrics"],), {})]
    codes = [run.named("finish")[0][1]["exit_code"] for run in runs]
    assert codes == [0] * 9 + [1]
    assert runs[9].summary["reason"].startswith("ResourceExhaustedError")


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_package_is_named(result, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"pip install {name}"):
        getattr(result, f"to_{name}")()


def test_tensorboard_reads_what_is_written(result, tmp_path):
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams import plugin_data_pb2

    folder = result.to_tensorboard(tmp_path / "logs")

    def read(path):
        accumulator = event_accumulator.EventAccumulator(str(path))
        accumulator.Reload()
        return accumulator, {
            tag: plugin_data_pb2.HParamsPluginData.FromString(content)
            for tag, content in accumulator.PluginTagToContent(
                metadata.PLUGIN_NAME
            ).items()
        }

    _, data = read(folder)
    experiment = data[metadata.EXPERIMENT_TAG].experiment
    names = [info.name for info in experiment.hparam_infos]
    assert {"mechanism", "learning_rate"} <= {*names}
    assert experiment.metric_infos[0].name.tag == "val_accuracy"

    best = result.best
    accumulator, data = read(folder / f"trial_{best['trial']}")
    start = data[metadata.SESSION_START_INFO_TAG].session_start_info
    values = {n: v.WhichOneof("kind") for n, v in start.hparams.items()}
    assert {*values} == {*best["hyperparameters"]}
    assert values["mechanism"] == "string_value"
    rate = start.hparams["learning_rate"].number_value
    assert rate == best["hyperparameters"]["learning_rate"]
    end = data[metadata.SESSION_END_INFO_TAG].session_end_info
    assert end.status == 1
    (value,) = accumulator.Scalars("val_accuracy")
    assert value.value == pytest.approx(best["score"])

    _, data = read(folder / "trial_9")
    end = data[metadata.SESSION_END_INFO_TAG].session_end_info
    assert end.status == 2


def test_tensorboard_wants_an_empty_folder(result, tmp_path):
    result.to_tensorboard(tmp_path)
    with pytest.raises(ValueError, match="argument folder: expected a new or"):
        result.to_tensorboard(tmp_path)


@pytest.mark.long
def test_reading_and_logging_do_without_tensorflow(result, tmp_path):
    script = (
        "import sys, keras; before = {*sys.modules}\n"
        "from keras_attention.tuning import SearchResult\n"
        f"result = SearchResult({str(result.directory)!r})\n"
        "str(result); result._repr_html_(); result.table('json')\n"
        "assert 'matplotlib' not in {*sys.modules} - before\n"
        f"result.to_tensorboard({str(tmp_path / 'logs')!r})\n"
        "print(sorted({'tensorflow', 'sklearn'} &"
        " ({*sys.modules} - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
