"""One line a trial, while a search runs."""

import sys
import time

from keras_attention.tuning.service.failures import describe_failure

WIDTH = 100


class Progress:
    """Tells how far a search is: on one line of a terminal, else on many.

    Args:
        oracle: the search's oracle.
        total: how many trials there will be, `None` if nobody knows.
        workers: how many run at a time.
        stream: where to write, the standard output by default.
    """

    def __init__(self, oracle, total, workers=1, stream=None):
        self.oracle = oracle
        self.total = total
        self.workers = workers
        self.stream = stream or sys.stdout
        self.updates = self.stream.isatty()

    def __call__(self, trial):
        """Writes the line for a trial that has just ended."""
        line = self.line(trial)
        if self.updates:
            line = line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."
            self.stream.write(f"\r{line:<{WIDTH}}")
        else:
            self.stream.write(f"{line}\n")
        self.stream.flush()

    def note(self, text):
        """Writes a line of its own."""
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def close(self):
        """Ends the line of a terminal."""
        if self.updates and self.oracle.durations:
            self.stream.write("\n")

    def line(self, trial):
        """`done/total  this trial  best so far  time left`."""
        done = len(self.oracle.end_order)
        name = self.oracle.objective.name
        if trial.status == "COMPLETED":
            outcome = f"{name} {trial.score:.4g}"
        else:
            outcome = f"failed ({describe_failure(trial.message)})"
        parts = [f"{done}/{self.total or '?'}  {outcome}"]
        (best,) = self.oracle.get_best_trials(1)
        if best.status == "COMPLETED":
            values = best.hyperparameters.values
            parts.append(f"best {best.score:.4g}: {_short(values)}")
        if self.total and done < self.total:
            parts.append(f"{_duration(self.seconds_left(done))} left")
        return "  ".join(parts)

    def seconds_left(self, done):
        """What is left at the pace so far, or until the time limit."""
        durations = self.oracle.durations
        pace = sum(durations) / len(durations)
        rounds = -(-(self.total - done) // self.workers)
        # At the deadline one more round may have just begun.
        limit = self.oracle.deadline - time.monotonic() + pace
        return max(0, min(pace * rounds, limit))


def _short(values):
    """Hyperparameters as `name=value`, KerasTuner's own left out."""
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
        if not name.startswith("tuner/")
    )


def _duration(seconds):
    """`"2 h 5 min"`, `"3 min"` or `"40 s"`."""
    minutes, seconds = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
