"""What a search costs beside its trainings, and how many workers it feeds.

    python benchmarks/search_scale.py           # or one of its parts, which
    python benchmarks/search_scale.py engine    # leaves the other as it was

Two parts:

- `overhead`: seconds a trial beyond its training, of KerasTuner's own search,
  of `search` in this process and on two worker processes, which take turns.
  The processes are started before, and have run a trial each.
- `engine`: trials a second when a trial only waits 0.1 s, on 1 to 512
  simulated workers, which are threads: what proposing, sending, telling and
  writing allow. With it the memory of the process, and milliseconds a trial
  of the first and of the last hundred: what has been tried makes the next
  one dearer.

Writes benchmarks/results/search_scale.json and .md, and search_scale.png.
"""

import json
import pathlib
import resource
import statistics
import sys
import tempfile
import time

import keras
import keras_tuner
import numpy as np
import timing

from keras_attention import tuning
from keras_attention.tuning.engine.folder import Folder
from keras_attention.tuning.engine.job import write_job
from keras_attention.tuning.engine.local import local_cluster
from keras_attention.tuning.engine.oracles import ORACLES
from keras_attention.tuning.engine.pools import Cluster
from keras_attention.tuning.engine.proposals import Proposals
from keras_attention.tuning.engine.run import Outcome

RESULTS = pathlib.Path(__file__).parent / "results" / "search_scale.json"
OBJECTIVE = keras_tuner.Objective("val_loss", "min")
TURNS, TRIALS = 7, 6
WAIT = 0.1
WORKERS = {1: 50, 8: 400, 64: 2000, 512: 2000}  # to how many trials each


class Small(keras_tuner.HyperModel):
    """A training of a fraction of a second, which says how long it took."""

    def build(self, hp):
        """Two dense layers."""
        layer = keras.layers.Dense(hp.Int("units", 1, 64))
        model = keras.Sequential([keras.Input((8,)), layer])
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-4, 1e-1)), "mse")
        return model

    def fit(self, hp, model, *args, **kwargs):
        """The loss, and the seconds of `model.fit` alone."""
        start = time.perf_counter()
        found = model.fit(*args, **kwargs).history
        seconds = time.perf_counter() - start
        return {"val_loss": found["val_loss"][-1], "seconds": seconds}


def overhead():
    """A row a way to search: seconds a trial beyond its training."""
    x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    data = (x, x[:, :1])

    def ours(folder, **options):
        start = time.perf_counter()
        result = tuning.search(
            Small(),
            data,
            data,
            objective="val_loss",
            max_trials=TRIALS,
            epochs=2,
            directory=folder,
            **options,
        )
        wall = time.perf_counter() - start
        return wall, [row["metrics"]["seconds"] for row in result.rows]

    def keras_tuners(folder):
        start = time.perf_counter()
        tuner = keras_tuner.RandomSearch(
            Small(),
            OBJECTIVE,
            TRIALS,
            seed=1,
            directory=folder,
            project_name="s",
        )
        tuner.search(*data, validation_data=data, epochs=2, verbose=0)
        wall = time.perf_counter() - start
        trials = tuner.oracle.trials.values()
        return wall, [t.metrics.get_best_value("seconds") for t in trials]

    with local_cluster(2) as client:
        ways = {
            "KerasTuner": (1, keras_tuners),
            "one process": (1, ours),
            "two workers": (2, lambda folder: ours(folder, client=client)),
        }
        found = {name: [] for name in ways}
        for turn in range(TURNS + 1):
            for name in list(ways)[:: -1 if turn % 2 else 1]:
                workers, run = ways[name]
                with tempfile.TemporaryDirectory() as folder:
                    wall, seconds = run(folder)
                if turn:  # the first compiles and warms up
                    left = wall - sum(seconds) / workers
                    found[name].append(float(left) / TRIALS)
    for name, values in found.items():
        more = [a - b for a, b in zip(values, found["KerasTuner"], strict=True)]
        low, high = timing.median_interval(more)
        yield {
            "part": "overhead",
            "what": name,
            "seconds_a_trial": round(statistics.median(values), 3),
            "over_keras_tuner": round(statistics.median(more), 3),
            "low": round(low, 3),
            "high": round(high, 3),
        }


def wait(job, trial_id, config):
    """In place of a training."""
    time.sleep(WAIT)
    return Outcome("COMPLETED", {"val_loss": config["values"]["rate"]})


def engine():
    """A row a number of workers: trials a second, and what grows."""
    import distributed

    for workers, count in WORKERS.items():
        with (
            tempfile.TemporaryDirectory() as path,
            distributed.LocalCluster(
                n_workers=1,
                threads_per_worker=workers,
                processes=False,
                dashboard_address=None,
                memory_limit=0,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            folder = Folder(path)
            job = folder.jobs / "a.job"
            write_job(None, job)
            oracle = ORACLES["random"](
                objective=OBJECTIVE, max_trials=count, seed=1
            )
            space = keras_tuner.HyperParameters()
            space.Float("rate", 0.0, 1.0)
            oracle.update_space(space)
            proposals = Proposals(oracle, folder)
            times = drive(proposals, Cluster(client, job))
        gaps = np.diff(times)
        yield {
            "part": "engine",
            "workers": workers,
            "trials": count,
            "trials_a_second": round(count / (times[-1] - times[0]), 1),
            "ideal": round(workers / WAIT),
            "first_ms": round(1e3 * float(gaps[:100].mean()), 2),
            "last_ms": round(1e3 * float(gaps[-100:].mean()), 2),
            "megabytes": round(
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            ),
        }


def drive(proposals, pool):
    """When the search began, and when each trial had ended."""
    times, running = [time.perf_counter()], {}
    while True:
        while len(running) < pool.slots and (trial := proposals.ask()):
            running[trial.trial_id] = trial
            config = trial.hyperparameters.get_config()
            pool.submit(trial.trial_id, wait, trial.trial_id, config)
        if not running:
            return times
        trial_id, outcome = pool.next()
        proposals.tell(running.pop(trial_id), outcome)
        times.append(time.perf_counter())


def draw(rows, path):
    """Trials a second beside what the workers could do, and what grows."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [row for row in rows if row["part"] == "engine"]
    counts = [row["workers"] for row in rows]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.4), layout="constrained"
    )
    speeds = [row["trials_a_second"] for row in rows]
    left.loglog(
        counts,
        [row["ideal"] for row in rows],
        "--",
        color="#666666",
        label="if nothing else took time",
    )
    left.loglog(counts, speeds, "o-", color="#0072b2", label="measured")
    left.set(title="Trials of 0.1 s: trials a second", xlabel="workers")
    left.legend(frameon=False)
    memory = [row["megabytes"] for row in rows]
    right.semilogx(counts, memory, "o-", color="#0072b2")
    right.set(
        title="Most memory of the process so far: MB",
        xlabel="workers",
        ylim=(0, 1.15 * max(memory)),
    )
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.set_xticks(counts, map(str, counts))
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def main():
    parts = {"overhead": overhead, "engine": engine}
    chosen = sys.argv[1:] or [*parts]
    before = json.loads(RESULTS.read_text())["rows"] if sys.argv[1:] else []
    rows = []
    for name, part in parts.items():
        found = [row for row in before if row["part"] == name]
        for row in part() if name in chosen else found:
            print(row, flush=True)
            rows.append(row)
    information = timing.environment(keras.config.backend())
    RESULTS.write_text(
        json.dumps({"rows": rows, "environment": information}, indent=2) + "\n"
    )
    lines = []
    for part in parts:
        found = [row for row in rows if row["part"] == part]
        names = [name for name in found[0] if name != "part"]
        lines += ["", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
        lines += [
            f"| {' | '.join(str(row[name]) for name in names)} |"
            for row in found
        ]
    RESULTS.with_suffix(".md").write_text("\n".join(lines[1:]) + "\n")
    draw(rows, RESULTS.with_suffix(".png"))


if __name__ == "__main__":
    main()
