"""Trials for TensorBoard's HParams page, written without TensorFlow."""

import pathlib
import time

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained


def to_tensorboard(result, folder):
    """Writes the search for TensorBoard's HParams page.

    One run a trial, with its hyperparameters, all its metrics and whether it
    succeeded; then `tensorboard --logdir FOLDER` shows tables, parallel
    coordinates and scatter plots. TensorBoard's own record format is written
    directly, so that TensorFlow is neither needed nor imported.

    Args:
        result: `SearchResult`.
        folder: str or path, a new or empty folder.

    Returns:
        The folder, a `pathlib.Path`.

    Raises:
        ValueError: For a folder with something in it: TensorBoard would add
            the two up.
    """
    with explained("keras_attention.tuning"):
        from tensorboard.compat.proto import summary_pb2
        from tensorboard.plugins.hparams import summary_v2

    folder = pathlib.Path(folder)
    if folder.exists() and any(folder.iterdir()):
        expected = "a new or an empty folder"
        raise ValueError(arguments.invalid("folder", str(folder), expected))
    trials = result.finished + result.unfinished
    names = dict.fromkeys(m for trial in trials for m in trial.metrics)
    # The objective is the first column.
    names = sorted(names, key=lambda name: name != result.objective)
    config = summary_v2.hparams_config_pb(
        hparams=[
            summary_v2.HParam(name)
            for name in dict.fromkeys(n for t in trials for n in t.values)
        ],
        metrics=[summary_v2.Metric(name) for name in names],
    )
    _write(folder, [config])
    for trial in trials:
        start = summary_v2.hparams_pb(trial.values, f"trial {trial.trial_id}")
        scalars = summary_pb2.Summary()
        for name, value in trial.metrics.items():
            if value is not None:
                scalars.value.add(tag=name, simple_value=value)
        summaries = [start, scalars, _end(trial)]
        _write(folder / f"trial_{trial.trial_id}", summaries)
    return folder


def _end(trial):
    with explained("keras_attention.tuning"):
        from tensorboard.compat.proto import summary_pb2
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams import plugin_data_pb2

    status = api_pb2.STATUS_FAILURE
    if trial.score is not None:
        status = api_pb2.STATUS_SUCCESS
    elif trial.status == "RUNNING":
        status = api_pb2.STATUS_RUNNING
    end = plugin_data_pb2.SessionEndInfo(status=status)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    summary = summary_pb2.Summary()
    summary.value.add(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return summary


def _write(folder, summaries):
    """TensorBoard's event file: its `EventFileWriter` imports TensorFlow."""
    with explained("keras_attention.tuning"):
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    events = [event_pb2.Event(wall_time=now, file_version="brain.Event:2")]
    events += [event_pb2.Event(wall_time=now, summary=s) for s in summaries]
    path = folder / f"events.out.tfevents.{int(now)}.keras_attention"
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()
