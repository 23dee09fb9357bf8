"""Which metric ranked the trials, told by their scores."""

import math

from keras_attention.internals import arguments
from keras_attention.tuning.result.trial import best_of
from keras_attention.tuning.result.trial import histories_of
from keras_attention.tuning.result.trial import same


def objective_of(states, objective, direction):
    """The metric that ranks the trials, and its direction.

    Of `states`, trial id to what its file holds; those asked for, or the
    search's own where they are `None`. Both are `None` before the first score.
    """
    if direction is not None:
        arguments.one_of("direction", direction, ("max", "min"))
    if objective is not None:
        known = {m for s in states.values() for m in histories_of(s)}
        if known and objective not in known:
            arguments.one_of("objective", objective, sorted(known))
    candidates = None
    for state in states.values():
        score = state.get("score")
        if state["status"] != "COMPLETED" or score is None:
            continue
        if not math.isfinite(score):
            continue
        fits = [
            (name, history["direction"])
            for name, history in histories_of(state).items()
            if same(best_of(history, history["direction"]), score)
        ]
        if candidates is None:
            candidates = fits
        candidates = [pair for pair in candidates if pair in fits]
    if objective is not None:
        stored = dict(candidates or ()).get(objective)
        if direction is None and stored is None and candidates is not None:
            raise ValueError(
                f"The search did not rank by {objective!r}, so its direction "
                "is not known: give direction='max' or direction='min'."
            )
        return objective, direction or stored
    if candidates is None:
        return None, None
    # Validation first: the same number may have been told under two names.
    candidates.sort(key=lambda pair: not pair[0].startswith("val_"))
    if len({way for _, way in candidates}) != 1:
        raise ValueError(
            "The objective of the search cannot be told from its files: give "
            "objective= and direction=. Metrics that agree with the scores: "
            f"{', '.join(name for name, _ in candidates) or 'none'}."
        )
    return candidates[0]
