import subprocess
import sys

import pytest
from example_search import example_search

from keras_attention.tuning import SearchResult


@pytest.fixture(scope="module")
def result():
    return SearchResult(example_search(trials=10))


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
