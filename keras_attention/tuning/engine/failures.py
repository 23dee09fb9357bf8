"""Why a trial failed, in one line and in full."""

import dataclasses
import re
import traceback

import keras_tuner

# Addresses and numbers of trials differ where the fault is one.
_VARYING = re.compile(r"0x[0-9a-fA-F]+|trial_\d+")
_UNEXPECTED = "Traceback (most recent call last)"


def failure_message(error):
    """What a trial's file says of the exception that ended it.

    The first line is the reason in short; of an unexpected exception the
    traceback follows. A `FailedTrialError` is meant, so its message is all.

    Example:

    >>> failure_message(MemoryError("no room")).splitlines()[0]
    'MemoryError: no room'
    """
    if isinstance(error, keras_tuner.errors.FailedTrialError):
        return str(error) or "FailedTrialError"
    lines = str(error).strip().splitlines()
    head = type(error).__name__ + (f": {lines[0]}" if lines else "")
    trace = traceback.format_exception(error)
    return f"{head}\n\n{''.join(trace)}"


def describe_failure(message):
    """The first line of a trial's message.

    >>> describe_failure(None)
    'no reason is known'
    """
    lines = (message or "").strip().splitlines()
    return lines[0] if lines else "no reason is known"


def signature(message):
    """The same for trials that failed unexpectedly for one reason.

    `None` for a trial that did not fail, and for one whose values explain the
    failure: a loss that is not a number, a model over its budget.

    >>> signature("The objective val_loss is nan.") is None
    True
    >>> trace = "Traceback (most recent call last): ..."
    >>> one = signature(f"ValueError: <Dense at 0x7f01>\\n\\n{trace}")
    >>> one == signature(f"ValueError: <Dense at 0x7f02>\\n\\n{trace}")
    True
    """
    if not message or _UNEXPECTED not in message:
        return None
    return _VARYING.sub("*", describe_failure(message))


@dataclasses.dataclass(frozen=True)
class Lost:
    """In place of a result: the process that should have given it is gone."""

    reason: str


def reasons(trials):
    """`"2 of 5: message"` for every reason why trials failed."""
    counts = {}
    for trial in trials:
        if trial.status == "FAILED":
            reason = describe_failure(trial.message)
            counts[reason] = counts.get(reason, 0) + 1
    return [f"{n} of {len(trials)}: {reason}" for reason, n in counts.items()]
