"""How good is a search after k trials? Three tuners, replayed many times.

    python benchmarks/search.py

A search of 16 trials takes minutes, a distribution of such searches takes
days. So every configuration of one small space was trained beforehand
(`search_trials.py`), from several seeds, and the tuners search that table:
their own oracles decide, and where a trial would be trained its result is
looked up, from one of its seeds, drawn anew in every replay. A budget is
counted in epochs, as Hyperband's trials are shorter: one trial stands for all
epochs of one network.

Writes benchmarks/results/search.json and .md, search.png (the tuners) and
search_finding.png (which mechanism, where).
"""

import json
import pathlib
import tempfile

import keras_tuner
import numpy as np
import search_trials
import timing
from scipy import stats

from keras_attention.tuning.engine.oracles import ORACLES
from keras_attention.visualization import canvas

RESULTS = pathlib.Path(__file__).parent / "results"
BUDGET = 16
# A proposal of a Gaussian process takes a second or more.
REPLAYS = {"random": 200, "hyperband": 200, "bayesian": 20}
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
TUNERS = {
    "random": lambda seed: ORACLES["random"](
        objective=OBJECTIVE, max_trials=10 * BUDGET, seed=seed
    ),
    "hyperband": lambda seed: ORACLES["hyperband"](
        objective=OBJECTIVE,
        max_epochs=search_trials.EPOCHS,
        factor=3,
        hyperband_iterations=BUDGET,
        seed=seed,
    ),
    "bayesian": lambda seed: ORACLES["bayesian"](
        objective=OBJECTIVE,
        max_trials=10 * BUDGET,
        num_initial_points=6,
        seed=seed,
    ),
}
COLOURS = {
    "random": canvas.PALE,
    "hyperband": canvas.VERMILION,
    "bayesian": canvas.BLUE,
}


class Table:
    """What was trained: curves of validation accuracy, and test accuracy.

    Args:
        trials: The rows of `search_trials.json`.
    """

    def __init__(self, trials):
        self.names = sorted({name for t in trials for name in t["values"]})
        self.rows = {}
        for trial in trials:
            self.rows.setdefault(self.key(trial["values"]), []).append(trial)

    def key(self, values):
        """What tells one configuration from another."""
        return tuple(values.get(name) for name in self.names)

    def test(self, key):
        """Test accuracy of a configuration, the mean over its seeds."""
        return np.mean([row["test_accuracy"] for row in self.rows[key]])

    def best(self):
        """The largest of these."""
        return max(map(self.test, self.rows))


def replay(table, space, tuner, seed):
    """One search in the table.

    Returns:
        A list of `(epochs spent so far, best validation accuracy so far, test
        accuracy of the configuration that it belongs to)`.
    """
    oracle = TUNERS[tuner](seed + 1)
    generator = np.random.default_rng(seed)
    # Hyperband goes on with the network of an earlier trial: the same seed.
    chosen = {
        key: int(generator.integers(len(table.rows[key]))) for key in table.rows
    }
    spent, best, points = 0, (-1.0, None), []
    with tempfile.TemporaryDirectory() as folder:
        # Gives the oracle its folder.
        keras_tuner.engine.base_tuner.BaseTuner(
            oracle, directory=folder, project_name="replay"
        )
        oracle.verbose = 0
        oracle.update_space(space)
        while spent < BUDGET * search_trials.EPOCHS:
            trial = oracle.create_trial("replay")
            if trial.status != "RUNNING":
                break
            values = trial.hyperparameters.values
            active = {
                name: value
                for name, value in values.items()
                if name in table.names and trial.hyperparameters.is_active(name)
            }
            key = table.key(active)
            epochs = values.get("tuner/epochs", search_trials.EPOCHS)
            spent += epochs - values.get("tuner/initial_epoch", 0)
            row = table.rows[key][chosen[key]]
            score = row["val_accuracy"][epochs - 1]
            oracle.update_trial(trial.trial_id, {OBJECTIVE.name: score})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
            best = max(best, (score, key), key=lambda found: found[0])
            points.append((spent, best[0], table.test(best[1])))
    return points


def curve(points):
    """Validation and test accuracy of the best after 1, 2, ... networks.

    The last value stays when a tuner has gone through the space.
    """
    found = np.zeros((2, BUDGET))
    for spent, validation, test in points:
        begin = -(-spent // search_trials.EPOCHS) - 1
        found[:, begin:] = [[validation], [test]]
    return found


def finding(trials):
    """Test accuracy of every mechanism at every place, with intervals.

    At the learning rate whose mean validation accuracy is highest. The gain
    over uniform pooling at the same place compares networks with the same
    rate and seed, over all rates and seeds; intervals are Student's, 95 %.
    """
    cells = {}
    for trial in trials:
        values = trial["values"]
        place = values["place"]
        mechanism = values.get(f"{place}_attention", "none")
        rate = values["learning_rate"]
        cell = cells.setdefault((mechanism, place), {})
        cell.setdefault(rate, {})[trial["seed"]] = trial
    rows = []
    for (mechanism, place), rates in cells.items():
        best = max(
            rates,
            key=lambda rate: np.mean(
                [t["val_accuracy"][-1] for t in rates[rate].values()]
            ),
        )
        tests = [t["test_accuracy"] for t in rates[best].values()]
        row = {
            "mechanism": mechanism,
            "place": place,
            "learning_rate": best,
            "test_accuracy": tests,
            **interval("test", tests, 0.0, 1.0),
        }
        for other, where in (("uniform", place), ("none", "none")):
            if mechanism in (other, "none"):
                continue
            gains = [
                trial["test_accuracy"]
                - cells[other, where][rate][seed]["test_accuracy"]
                for rate, seeds in rates.items()
                for seed, trial in seeds.items()
            ]
            row[f"over_{other}"] = np.round(gains, 4).tolist()
            row.update(interval(f"over_{other}", gains))
        rows.append(row)
    order = ["none", *search_trials.MECHANISMS]
    return sorted(
        rows, key=lambda row: (row["place"], order.index(row["mechanism"]))
    )


def interval(name, values, least=-1.0, most=1.0):
    """Mean and 95 % interval of the mean, Student's t, cut at what can be."""
    mean = float(np.mean(values))
    error = np.std(values, ddof=1) / len(values) ** 0.5
    half = float(stats.t.ppf(0.975, len(values) - 1) * error)
    return {
        f"{name}_mean": round(mean, 4),
        f"{name}_low": round(max(least, mean - half), 4),
        f"{name}_high": round(min(most, mean + half), 4),
        f"{name}_count": len(values),
    }


def plot_tuners(curves, best):
    """Mean over the replays and the middle 80 % of them."""
    figure = canvas.Canvas(8.4, 3.8)
    panels = figure.subplots(1, 2, sharey=True)
    titles = (
        "What the search reports:\nbest validation accuracy",
        "What that choice is worth:\ntest accuracy of its configuration",
    )
    networks = np.arange(1, BUDGET + 1)
    for number, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        canvas.plain(
            axes,
            title,
            "trainings of a network, whole or in parts\n"
            "(line: mean of the replays, band: the middle 80 %)",
        )
        for tuner, found in curves.items():
            values = found[:, number]
            colour = COLOURS[tuner]
            low, high = np.percentile(values, (10, 90), axis=0)
            axes.fill_between(
                networks, low, high, color=colour, alpha=0.13, linewidth=0
            )
            axes.plot(
                networks,
                values.mean(0),
                "o-",
                ms=3,
                color=colour,
                label=tuner,
            )
        axes.set_xlim(1, BUDGET)
        axes.set_xticks(range(2, BUDGET + 1, 2))
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    panels[1].axhline(best, color=canvas.INK, linewidth=0.8, linestyle="--")
    panels[1].annotate(
        "best of all configurations",
        (BUDGET, best),
        (-4, 4),
        textcoords="offset points",
        ha="right",
        fontsize=canvas.SMALL,
        color=canvas.INK,
    )
    canvas.legend(figure, panels[0])
    return figure


def plot_finding(rows):
    """What every mechanism adds at every place: pairs, mean and interval."""
    figure = canvas.Canvas(8.4, 3.8)
    groups = {}
    for row in rows:
        if "over_none" in row:
            groups.setdefault(row["place"], []).append(row)
    panels = figure.subplots(1, len(groups), sharey=True)
    for axes, (place, group) in zip(panels, groups.items(), strict=True):
        canvas.plain(axes, f"at {place}")
        for x, row in enumerate(group):
            gains = 100 * np.array(row["over_none"])
            offsets = np.linspace(-0.3, 0.1, len(gains))
            axes.plot(
                x + offsets, gains, "o", ms=3.5, color=canvas.PALE, alpha=0.6
            )
            low, high = 100 * row["over_none_low"], 100 * row["over_none_high"]
            axes.plot([x + 0.3] * 2, [low, high], color=canvas.BLUE, lw=2)
            mean = 100 * row["over_none_mean"]
            axes.plot(x + 0.3, mean, "o", ms=6, color=canvas.BLUE)
        axes.axhline(0, color=canvas.INK, linewidth=0.8)
        names = [canvas.wrapped(row["mechanism"], 8) for row in group]
        axes.set_xticks(range(len(group)), names)
        axes.set_xlim(-0.5, len(group) - 0.3)
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel(
        "points of test accuracy over\nthe network without attention",
        fontsize=canvas.SMALL + 1,
    )
    return figure


def markdown(curves, rows, best):
    """Both tables."""
    at = [k for k in (2, 4, 8, 16) if k <= BUDGET]
    lines = [
        "Test accuracy of the configuration chosen after k trainings, %: mean "
        f"of the replays (middle 80 %); the best of all is {100 * best:.1f}.",
        "",
        "| tuner | replays | " + " | ".join(f"k = {k}" for k in at) + " |",
        "|" + " --- |" * (len(at) + 2),
    ]
    for tuner, found in curves.items():
        cells = []
        for k in at:
            values = 100 * found[:, 1, k - 1]
            low, high = np.percentile(values, (10, 90))
            cells.append(f"{values.mean():.1f} ({low:.1f} to {high:.1f})")
        lines.append(f"| {tuner} | {len(found)} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| mechanism | place | test accuracy, % | over uniform pooling there, "
        "points | over no attention, points |",
        "|" + " --- |" * 5,
    ]
    for row in rows:
        cells = [row["mechanism"], row["place"]]
        for name, form in (
            ("test", "{:.1f} ({:.1f} to {:.1f})"),
            ("over_uniform", "{:+.1f} ({:+.1f} to {:+.1f})"),
            ("over_none", "{:+.1f} ({:+.1f} to {:+.1f})"),
        ):
            if f"{name}_mean" in row:
                numbers = [
                    100 * row[f"{name}_{n}"] for n in ("mean", "low", "high")
                ]
                cells.append(form.format(*numbers))
            else:
                cells.append("-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    path = RESULTS / "search_trials.json"
    if not path.exists():
        raise SystemExit(f"{path} is missing: run search_trials.py first.")
    saved = json.loads(path.read_text())
    trials = saved["trials"]
    table = Table(trials)
    space = keras_tuner.HyperParameters()
    search_trials.make_space()(space)
    curves = {
        tuner: np.array(
            [
                curve(replay(table, space, tuner, seed))
                for seed in range(REPLAYS[tuner])
            ]
        )
        for tuner in TUNERS
    }
    rows, best = finding(trials), table.best()
    results = {
        "replays": REPLAYS,
        "budget": BUDGET,
        "configurations": len(table.rows),
        "best_test_accuracy": round(best, 4),
        "tuners": {
            tuner: {
                name: {
                    "mean": found[:, i].mean(0).round(4).tolist(),
                    "low": np.percentile(found[:, i], 10, 0).round(4).tolist(),
                    "high": np.percentile(found[:, i], 90, 0).round(4).tolist(),
                }
                for i, name in enumerate(("validation", "test"))
            }
            for tuner, found in curves.items()
        },
        "finding": rows,
        "environment": timing.environment("none", numpy=np.__version__),
    }
    text = json.dumps(results, indent=1)
    (RESULTS / "search.json").write_text(f"{text}\n")
    table_text = markdown(curves, rows, best)
    (RESULTS / "search.md").write_text(table_text)
    plot_tuners(curves, best).savefig(RESULTS / "search.png")
    plot_finding(rows).savefig(RESULTS / "search_finding.png")
    print(table_text)


if __name__ == "__main__":
    main()
