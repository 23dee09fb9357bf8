import io
import math
import types

from keras_attention.tuning.engine.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def trial(score=None, message=None, seconds=15.0):
    return types.SimpleNamespace(
        trial_id="07",
        status="FAILED" if score is None else "COMPLETED",
        score=score,
        message=message,
        seconds=seconds,
    )


def proposals(best, trials=(), ended=2):
    oracle = types.SimpleNamespace(
        objective=types.SimpleNamespace(name="val_accuracy"),
        get_best_trials=lambda count: [best],
    )
    return types.SimpleNamespace(oracle=oracle, ended=ended, trials=trials)


BEST = trial(0.84321)


def test_a_line_a_trial():
    stream = io.StringIO()
    failed = trial(message="MemoryError: no\n\nTraceback ...")
    asked = proposals(BEST, [BEST, failed])
    progress = Progress(asked, 12, math.inf, stream=stream)
    progress(trial(0.5), 1, 2)
    progress(failed, 0, 2)
    progress.close()
    assert stream.getvalue() == (
        "2/12  val_accuracy 0.5  1 running, 1 failed  "
        "best 0.8432 (trial 07)  1 min left\n"
        "2/12  1 failed  best 0.8432 (trial 07)  1 min left  "
        "failed: MemoryError: no\n"
    )


def test_no_line_is_long():
    for stream in (io.StringIO(), Terminal()):
        progress = Progress(proposals(BEST), 12, math.inf, stream=stream)
        progress(trial(message="x" * 300), 0, 1)
        progress.close()
        assert len(stream.getvalue().strip("\r\n")) <= 100


def test_a_terminal_has_one_line():
    stream = Terminal()
    progress = Progress(proposals(BEST), 12, math.inf, stream=stream)
    progress(trial(message="x" * 300), 0, 1)
    progress(trial(0.5), 0, 1)
    progress.close()
    lines = stream.getvalue().split("\r")
    assert [len(line) for line in lines] == [0, 100, 101]
    assert lines[-1].endswith("\n") and lines[-1].count("\n") == 1


def test_what_is_not_known_is_not_said():
    failed = trial(message=None)
    progress = Progress(proposals(failed), None, math.inf, stream=io.StringIO())
    line = progress.line(failed, 0, 1)
    assert line == "2/?  failed: no reason is known"


def test_the_time_limit_bounds_what_is_left():
    progress = Progress(proposals(BEST), 12, 0, stream=io.StringIO())
    progress(BEST, 0, 1)
    assert progress.seconds_left(2, 1) == 0
