"""The leaderboard of a search, as text, HTML and CSV."""

import json
import textwrap

from keras_attention.internals import table
from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table
from keras_attention.tuning.result.baselines import majority_score
from keras_attention.tuning.result.baselines import verdicts
from keras_attention.tuning.result.hyperparameters import often_on
from keras_attention.tuning.result.hyperparameters import shown

_TOP, _FEW = 10, 8
_WIDTH = 56


def text(result, most=_TOP):
    """The table of the best trials and what else there is to know."""
    header, rows = _cells(result, most)
    parts = [text_table(header, rows)] if rows else []
    return "\n".join(parts + _notes(result, most))


def html(result, most=_TOP):
    """The same as HTML."""
    header, rows = _cells(result, most)
    parts = [html_table(header, rows)] if rows else []
    notes = [[note] for note in _notes(result, most)]
    return "".join(parts) + (html_table(["note"], notes) if notes else "")


def csv_text(rows):
    """A column a hyperparameter and a metric, empty where there is none."""
    nested = ("hyperparameters", "metrics")
    columns = dict.fromkeys(
        (group, name) for group in nested for row in rows for name in row[group]
    )
    return table.csv_text(
        [
            {
                **{name: row[name] for name in row if name not in nested},
                "repeats": json.dumps(row["repeats"]) if row["repeats"] else "",
                **{f"{g}.{name}": row[g].get(name) for g, name in columns},
            }
            for row in rows
        ]
    )


def _cells(result, most):
    columns = {
        "trial": lambda t: t.trial_id,
        result.objective: lambda t: f"{t.score:.4g}",
        "spread": lambda t: _number(t.spread, "{:.2g}"),
        "parameters": lambda t: _number(t.metrics.get("parameters"), "{:,.0f}"),
        "GFLOPs": lambda t: _number(t.metrics.get("flops"), "{:.3g}", 1e9),
        "seconds": lambda t: _number(t.metrics.get("seconds"), "{:,.0f}"),
        "attention on object": lambda t: _number(_energy(t), "{:.1%}"),
    }
    trials = result.finished[:most]
    if result.plain not in (None, *trials):
        trials.append(result.plain)
    names = [parameter.name for parameter in result.hyperparameters]
    usual = names
    if most is not None:
        usual = often_on(result.hyperparameters, result.finished)
    rows = [
        [
            textwrap.fill(
                _configuration(result, trial, names, usual),
                _WIDTH,
                break_long_words=False,
                break_on_hyphens=False,
            ),
            *(cell(trial) for cell in columns.values()),
        ]
        for trial in trials
    ]
    header = ["configuration", *columns]
    # Costs that no trial of the search has told of are no column.
    always = header[:4]
    kept = [
        number
        for number, name in enumerate(header)
        if name in always or any(row[number] != "-" for row in rows)
    ]
    majority = majority_score(result)
    if majority is not None:
        others = ["-"] * (len(columns) - 2)
        rows.append(["majority class", "-", f"{majority:.4g}", *others])
    return [header[n] for n in kept], [[row[n] for n in kept] for row in rows]


def _configuration(result, trial, names, usual):
    """The hyperparameters that differ between trials, those that are on.

    Of more than eight only those that are so in other trials too.
    """
    on = [name for name in names if name in trial.values]
    chosen = on if len(on) <= _FEW else [name for name in on if name in usual]
    told = [f"{name}={shown(trial.values[name])}" for name in chosen]
    if len(chosen) < len(on):
        told.append(f"and {len(on) - len(chosen)} more")
    plain = "best plain network: " if trial is result.plain else ""
    return plain + (", ".join(told) or "(the same in all trials)")


def _notes(result, most):
    if not result.trials:
        return ["No trials yet."]
    notes = []
    if result.finished:
        notes += [said for doubt, said in verdicts(result) if doubt]
    hidden = len(result.finished[most:]) if most else 0
    if hidden:
        notes.append(f"and {hidden} more: table()")
    if result.fixed:
        same = ", ".join(f"{n}={shown(v)}" for n, v in result.fixed.items())
        notes.append(f"the same in all trials: {same}")
    if result.unfinished:
        notes.append(
            f"{len(result.unfinished)} of {len(result.trials)} trials without "
            "a score:"
        )
        notes += [f"  {line}" for line in failures(result)]
    return notes


def failures(result):
    """A line for every reason, with the trials that gave it."""
    reasons = {}
    for trial in result.unfinished:
        key = (trial.status, trial.reason)
        reasons.setdefault(key, []).append(trial.trial_id)
    return [
        f"{status} {', '.join(names)}: {reason}"
        for (status, reason), names in reasons.items()
    ]


def _energy(trial):
    names = ("attention_energy", "val_attention_energy")
    return next((trial.metrics[n] for n in names if n in trial.metrics), None)


def _number(value, form, unit=1):
    return "-" if value is None else form.format(value / unit)
