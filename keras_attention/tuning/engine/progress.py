"""One line a trial, while a search runs."""

import sys
import time

from keras_attention.internals.words import shortened
from keras_attention.tuning.engine.failures import describe_failure

WIDTH = 100


class Progress:
    """Tells how far a search is: on one line of a terminal, else on many.

    `total` is `None` if nobody knows; `deadline` is of `time.monotonic`.
    """

    def __init__(self, proposals, total, deadline, stream=None):
        self.proposals = proposals
        self.total = total
        self.deadline = deadline
        self.stream = stream or sys.stdout
        self.updates = self.stream.isatty()
        self.durations = []

    def __call__(self, trial, running, slots):
        """Writes the line for a trial that has ended while others run."""
        self.durations.append(trial.seconds or 0.0)
        line = shortened(self.line(trial, running, slots), WIDTH)
        if self.updates:
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
        if self.updates and self.durations:
            self.stream.write("\n")

    def line(self, trial, running, slots):
        """`done/total  this trial  others  best so far  time left`."""
        oracle, done = self.proposals.oracle, self.proposals.ended
        name = oracle.objective.name
        (best,) = oracle.get_best_trials(1)
        failed = sum(t.status == "FAILED" for t in self.proposals.trials)
        parts = [f"{done}/{self.total or '?'}"]
        if trial.status == "COMPLETED":
            parts.append(f"{name} {trial.score:.4g}")
        counts = [
            f"{count} {word}"
            for count, word in ((running, "running"), (failed, "failed"))
            if count
        ]
        if counts:
            parts.append(", ".join(counts))
        if best.status == "COMPLETED":
            parts.append(f"best {best.score:.4g} (trial {best.trial_id})")
        if self.total and done < self.total:
            left = self.seconds_left(self.total - done, slots)
            parts.append(f"{_duration(left)} left")
        if trial.status != "COMPLETED":
            # Last, where it may be cut.
            parts.append(f"failed: {describe_failure(trial.message)}")
        return "  ".join(parts)

    def seconds_left(self, trials, slots):
        """What is left at the pace so far, or until the time limit."""
        pace = sum(self.durations) / len(self.durations)
        rounds = -(-trials // slots)
        # At the deadline one more round may have just begun.
        limit = self.deadline - time.monotonic() + pace
        return max(0, min(pace * rounds, limit))


def _duration(seconds):
    """`"2 h 5 min"`, `"3 min"` or `"40 s"`."""
    minutes, seconds = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
