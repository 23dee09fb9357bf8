import io
import math
import types

from keras_attention.tuning.service.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def trial(score=None, message=None, **values):
    return types.SimpleNamespace(
        status="FAILED" if score is None else "COMPLETED",
        score=score,
        message=message,
        hyperparameters=types.SimpleNamespace(values=values),
    )


def oracle(best, ended=2, durations=(10, 20), deadline=math.inf):
    return types.SimpleNamespace(
        objective=types.SimpleNamespace(name="val_accuracy"),
        end_order=["0"] * ended,
        durations=list(durations),
        deadline=deadline,
        get_best_trials=lambda count: [best],
    )


BEST = trial(0.84321, rate=0.00123, kind="se", **{"tuner/epochs": 3})


def test_a_line_a_trial():
    stream = io.StringIO()
    progress = Progress(oracle(BEST), 12, workers=2, stream=stream)
    progress(trial(0.5))
    progress(trial(message="MemoryError: no\n\nTraceback ..."))
    progress.close()
    tail = "  best 0.8432: rate=0.00123, kind=se  1 min left\n"
    assert stream.getvalue() == (
        f"2/12  val_accuracy 0.5{tail}2/12  failed (MemoryError: no){tail}"
    )


def test_a_terminal_has_one_line():
    stream = Terminal()
    progress = Progress(oracle(BEST), 12, stream=stream)
    progress(trial(message="x" * 300))
    progress(trial(0.5))
    progress.close()
    lines = stream.getvalue().split("\r")
    assert [len(line) for line in lines] == [0, 100, 101]
    assert lines[-1].endswith("\n") and lines[-1].count("\n") == 1


def test_what_is_not_known_is_not_said():
    failed = trial(message=None)
    line = Progress(oracle(failed), None, stream=io.StringIO()).line(failed)
    assert line == "2/?  failed (no reason is known)"


def test_the_time_limit_bounds_what_is_left():
    progress = Progress(oracle(BEST, deadline=0), 12, stream=io.StringIO())
    assert progress.seconds_left(2) == 0
