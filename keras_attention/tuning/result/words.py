"""The result of a search in plain language."""

from keras_attention.tuning.result.baselines import verdicts
from keras_attention.tuning.result.hyperparameters import shown
from keras_attention.tuning.result.leaderboard import failures

_FEW = 10


def summary(result):
    """Paragraphs on the winner, how sure it is, what mattered, what failed."""
    if not result.finished:
        paragraphs = [
            "No trial has finished with a score, so there is no best."
        ]
    else:
        paragraphs = [_winner(result), _certainty(result), _mattered(result)]
    return "\n\n".join([*paragraphs, _failed(result)]).strip()


def _winner(result):
    best = result.winner()
    count = len(result.finished)
    start = (
        f"The best of {count} finished trials"
        if count > 1
        else "The only finished trial"
    )
    wanted = "larger" if result.direction == "max" else "smaller"
    lines = [
        f"{start} is trial {best.trial_id} with {result.objective} "
        f"{best.score:.4g} ({wanted} is better).",
        *(said for doubt, said in verdicts(result) if doubt),
    ]
    chosen = [
        parameter.name
        for parameter in result.hyperparameters
        if parameter.name in best.values
    ]
    if chosen:
        values = [f"{name} {shown(best.values[name])}" for name in chosen]
        lines.append(f"Its configuration: {', '.join(values)}.")
    if result.fixed:
        same = [f"{name} {shown(v)}" for name, v in result.fixed.items()]
        start = "In all trials alike" if count > 1 else "Its configuration"
        lines.append(f"{start}: {', '.join(same)}.")
    parameters, flops = map(best.metrics.get, ("parameters", "flops"))
    told = []
    if parameters is not None:
        told.append(f"{parameters:,.0f} parameters")
    if flops is not None:
        told.append(f"{flops / 1e9:.3g} GFLOPs an image")
    if told:
        lines.append(f"It costs {' and '.join(told)}.")
    lines += [said for doubt, said in verdicts(result) if not doubt]
    return " ".join(lines)


def _certainty(result):
    count = len(result.finished)
    if count == 1:
        return (
            "There is nothing to compare it with: this is a measurement, not "
            "a search."
        )
    best, second = result.finished[:2]
    gap = abs(best.score - second.score)
    behind = f"is {gap:.2g} behind" if gap else "has the same score"
    lines = [f"The next, trial {second.trial_id}, {behind}."]
    if best.spread is None:
        lines.append(
            "Each configuration was trained once, as far as the files tell, "
            "so how much of that gap is chance is not known."
        )
    else:
        spread = max(best.spread, second.spread or 0.0)
        near = [
            trial
            for trial in result.finished
            if abs(trial.score - best.score) <= spread
        ]
        if gap > spread:
            lines.append(
                "That is more than repeats of the same configuration differ "
                f"among the two ({spread:.2g}): the lead is probably real."
            )
        else:
            lines.append(
                "Repeats of the same configuration differ by as much "
                f"({spread:.2g}), so this search does not tell the first "
                f"{len(near)} apart; among them the cheapest is as good a "
                "choice."
            )
    if count < _FEW:
        lines.append(f"{count} trials are few: another draw may win.")
    lines.append(
        f"As the best of {count}, the score is likely too good; retrain() "
        "shows by how much."
    )
    return " ".join(lines)


def _mattered(result):
    found = result.importance
    if found.note:
        return f"What mattered cannot be told: {found.note}."
    lines = []
    mattered = [row for row in found.rows if row["low"] > 0]
    others = [row["name"] for row in found.rows if row["low"] <= 0]
    if mattered:
        names = [f"{row['name']} ({row['mean']:.0%})" for row in mattered]
        lines.append(
            "What mattered, by the error that shuffling it adds to a "
            "prediction of the score, as a share of the variance: "
            f"{', '.join(names)}."
        )
    else:
        lines.append("No single hyperparameter clearly mattered.")
    if others:
        lines.append(
            f"No effect was seen of {', '.join(others)}, which so few trials "
            "do not rule out."
        )
    lines.append(
        "All together predict "
        f"{found.explained:.0%} of the variance among unseen trials."
    )
    return " ".join(lines)


def _failed(result):
    if not result.unfinished:
        return ""
    count = f"{len(result.unfinished)} of {len(result.trials)}"
    lines = [f"- {line}" for line in failures(result)]
    return "\n".join([f"{count} trials have no score:", *lines])
