"""A search on Dask: processes are killed and lost, and all of it ends."""

import contextlib
import gc
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import types
import weakref

import keras
import keras_tuner
import numpy as np
import pytest
import toy

import keras_attention
from keras_attention.tuning import search
from keras_attention.tuning.engine import job as jobs
from keras_attention.tuning.engine import local
from keras_attention.tuning.engine import pools
from keras_attention.tuning.engine.local import local_cluster
from keras_attention.tuning.engine.pools import map_over

distributed = pytest.importorskip("distributed")
ROOT = pathlib.Path(keras_attention.__file__).parent.parent
PATHS = os.pathsep.join([str(ROOT), str(pathlib.Path(toy.__file__).parent)])
# Its class is one of a script, and travels by value.
SCRIPT = """
import sys, pathlib, toy
from keras_attention.tuning import search
folder = pathlib.Path(sys.argv[1])
class Mine(toy.Toy):
    def build(self, hp):
        return super().build(hp)
def main():
    result = search(
        Mine(folder / "journal", seconds=0.4), lambda: toy.DATA, toy.DATA,
        directory=folder / "s", **eval(sys.argv[2]))
    print("rows", len(result.rows))
"""
GUARD = 'if __name__ == "__main__":\n    main()\n'


def trials(folder):
    files = sorted(folder.glob("s/trial_*/trial.json"))
    return [json.loads(path.read_text()) for path in files]


def ended(folder):
    return [t["trial_id"] for t in trials(folder) if t["score"] is not None]


def names(folder):
    states = trials(folder)
    return [toy.name_of(t["hyperparameters"]["values"]) for t in states]


def start(folder, options, guard=GUARD):
    script = folder / "script.py"
    script.write_text(SCRIPT + guard)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), repr(options)],
        env={**os.environ, "PYTHONPATH": PATHS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, rows):
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, output
    assert f"rows {rows}" in output
    return output


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two workers that are threads of this process."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def run(folder, client, hypermodel=None, train=toy.DATA, **options):
    given = {"validation": toy.DATA, "directory": folder / "s", **options}
    return search(hypermodel or toy.Toy(), train, client=client, **given)


def test_a_client_runs_the_trials(tmp_path, cluster, capsys):
    hypermodel = toy.Toy(tmp_path / "journal", seconds=0.05)
    for _ in range(2):
        result = run(
            tmp_path, cluster, hypermodel, lambda: toy.DATA, max_trials=6
        )
    assert [row["status"] for row in result.rows] == ["COMPLETED"] * 6
    assert len(toy.runs(tmp_path / "journal")) == 6
    assert "Nothing left to do: 6 trials" in capsys.readouterr().out
    # Nothing of the images stays behind.
    assert not list(tmp_path.glob("s/jobs/*"))


def test_a_fatal_error_of_a_worker_is_raised_here(tmp_path, cluster):
    with pytest.raises(ValueError, match="'val_acc'.*'val_accuracy'"):
        run(tmp_path, cluster, objective="val_acc")


def test_workers_with_several_threads_are_refused(tmp_path):
    client = types.SimpleNamespace(
        nthreads=lambda: {"tcp://a": 1, "tcp://b": 2}
    )
    words = "one thread.*threads_per_worker=1.*2 threads of tcp://b"
    with pytest.raises(ValueError, match=words):
        run(tmp_path, client)


class Endless(toy.Toy):
    """The second trial trains on, while the first one ends the search."""

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        if hp.values["kind"] == "plain":
            toy.wait_for(pathlib.Path(self.journal).exists, 20)
            raise keras_tuner.errors.FatalValueError("wrong data")
        for epoch in range(100):
            with open(self.journal, "a") as file:
                file.write(f"{epoch}\n")
            time.sleep(0.05)
            for callback in callbacks:
                callback.set_model(model)
                callback.on_epoch_end(epoch, {"val_accuracy": -epoch})


class Telling(Endless):
    def metric_names(self):
        return {"val_accuracy"}


@pytest.mark.parametrize("kind", [Endless, Telling])
def test_a_trial_does_not_outlive_its_search(tmp_path, cluster, kind):
    journal = tmp_path / "journal"
    space = keras_tuner.HyperParameters()
    for name, value in (("units", 1), ("rate", 0.1)):
        space.Fixed(name, value)
    space.Choice("kind", ["plain", "gate"])
    given = {"tuner": "grid", "hyperparameters": space}
    with pytest.raises(ValueError, match="wrong data"):
        run(tmp_path, cluster, kind(journal), **given)
    time.sleep(0.5)
    before = journal.read_text()
    time.sleep(0.3)
    assert journal.read_text() == before
    assert not (tmp_path / "s" / "trial_01" / "starts").exists()


def test_the_workers_forget_the_images(tmp_path, cluster):
    alive = weakref.WeakSet()

    class Images:
        def __init__(self):
            alive.add(self)

        def __reduce__(self):
            return Images, ()

        def __call__(self):
            return toy.DATA

    run(tmp_path, cluster, train=Images(), max_trials=1)

    def forgotten():
        gc.collect()
        return not alive

    toy.wait_for(forgotten, 10)


def test_a_missing_file_on_a_worker_is_told_as_that(tmp_path, cluster):
    with pytest.raises(FileNotFoundError, match="nowhere.npy"):
        run(tmp_path, cluster, validation=lambda: np.load("nowhere.npy"))


def add(number, more):
    time.sleep(more / 20)  # the last of the items ends first
    return number + more


def test_results_come_in_the_order_of_the_items(tmp_path, cluster):
    options = {"folder": tmp_path, "workers": None, "client": cluster}
    assert map_over(add, [3, 1, 2], job=10, **options) == [13, 11, 12]
    options["client"] = None
    assert map_over(add, [3, 1, 2], job=10, **options) == [13, 11, 12]


def build(hp):
    layers = [keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 9))]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    return model


def test_the_winner_is_trained_again_on_a_cluster(tmp_path, cluster):
    data = (np.ones((4, 2), "float32"), np.ones((4, 1), "float32"))
    given = {"objective": "val_loss", "directory": tmp_path, "max_trials": 2}
    result = search(build, data, data, **given)

    def train():
        names = [path.name for path in tmp_path.iterdir()]
        (tmp_path / "seen").write_text(" ".join(names))
        return data

    given = {"hypermodel": build, "train": train, "test": data, "seeds": (5, 6)}
    here = result.retrain(**given, path=tmp_path / "here.keras")
    # One after the other: two in one process would share its random numbers.
    there = result.retrain(
        **given, path=tmp_path / "there.keras", client=cluster, workers=1
    )
    assert there.values == here.values and (tmp_path / "there.keras").exists()
    # Where no search that begins meanwhile sweeps it up.
    seen = (tmp_path / "seen").read_text().split()
    assert "retraining" in seen and "jobs" not in seen
    assert not (tmp_path / "retraining").exists()


def test_nobody_else_reaches_the_workers():
    psutil = pytest.importorskip("psutil")  # of Dask
    this = psutil.Process()

    def listening():
        return {
            found.laddr
            for process in [this, *this.children(recursive=True)]
            for found in process.net_connections(kind="inet")
            if found.status == psutil.CONN_LISTEN
        }

    # A worker runs whatever it is sent.
    before = listening()
    with local_cluster(1):
        new = listening() - before
    assert new and {address.ip for address in new} == {"127.0.0.1"}


def test_a_worker_has_its_environment_from_the_first(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)

    def inherited():
        text = pathlib.Path("/proc/self/environ").read_text()
        return dict(line.split("=", 1) for line in text.split("\0") if line)

    with local_cluster(1) as client:
        found = client.submit(inherited).result()
    assert found["KERAS_BACKEND"] == keras.config.backend()
    assert found["OMP_NUM_THREADS"] == str(len(os.sched_getaffinity(0)))
    # Which the next workers would take for the user's own wish.
    assert dict(os.environ) == before


LISTED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c)
  MIG 1g.5gb      Device  0: (UUID: MIG-1a)
  MIG 1g.5gb      Device  1: (UUID: MIG-2b)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-6d)
"""


def test_parts_of_a_gpu_are_no_gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    listed = types.SimpleNamespace(stdout=LISTED)
    monkeypatch.setattr(local.subprocess, "run", lambda *a, **k: listed)
    assert local.visible_gpus() == ["0", "1"]


@pytest.mark.long
def test_two_workers_one_killed(tmp_path, capsys):
    hypermodel = toy.Toy(
        tmp_path / "journal",
        seconds=0.3,
        fault=toy.kill_once(tmp_path / "killed"),
    )
    result = search(
        hypermodel,
        toy.DATA,
        toy.DATA,
        workers=2,
        max_trials=6,
        directory=tmp_path / "s",
    )
    assert [row["status"] for row in result.rows] == ["COMPLETED"] * 6
    runs = toy.runs(tmp_path / "journal")
    # Every trial ran once, but for the one whose worker was killed.
    assert len(runs) == 7 and len({name for name, *_ in runs}) == 6
    assert sorted(names(tmp_path)) == sorted({name for name, *_ in runs})
    pids = {int(pid) for _, pid, _ in runs}
    assert len(pids) >= 2 and os.getpid() not in pids
    assert not any(map(toy.alive, pids))
    assert len(capsys.readouterr().out.splitlines()) == 6


@pytest.mark.long
def test_what_kills_every_worker_and_what_fails(tmp_path):
    def fault(hp, value):
        if hp.values.get("heads") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if hp.values.get("heads") == 2:
            sys.exit(0)
        if hp.values["kind"] == "gate":
            raise MemoryError("no room")
        return value

    space = keras_tuner.HyperParameters()
    space.Fixed("units", 2)
    space.Fixed("rate", 0.1)
    result = search(
        toy.Toy(fault=fault),
        lambda: toy.DATA,
        toy.DATA,
        tuner="grid",
        workers=2,
        max_trials=4,
        directory=tmp_path / "s",
        hyperparameters=space,
    )
    assert result.best["status"] == "COMPLETED"
    messages = [t["message"] or "" for t in trials(tmp_path)]
    for words in ("died 3 times", "sys.exit(0)", "MemoryError: no room"):
        assert any(words in message for message in messages), messages


@pytest.mark.long
def test_alone_too_what_kills_the_process_is_set_aside(tmp_path):
    script = SCRIPT.replace(
        "class Mine(toy.Toy):",
        "class Mine(toy.Toy):\n"
        "    def fit(self, hp, *args, **kwargs):\n"
        "        if hp.values['units'] == 1:\n"
        "            import os; os.kill(os.getpid(), 9)\n"
        "        return super().fit(hp, *args, **kwargs)\n",
    )
    codes = []
    for _ in range(8):
        (tmp_path / "script.py").write_text(script + GUARD)
        code = subprocess.run(
            [
                sys.executable,
                tmp_path / "script.py",
                tmp_path,
                "{'max_trials': 5}",
            ],
            env={**os.environ, "PYTHONPATH": PATHS},
        ).returncode
        codes.append(code)
        if code == 0:
            break
    dying = sum("units=1" in name for name in names(tmp_path))
    assert codes == [-9] * 3 * dying + [0] and dying
    assert (
        sum("died 3 times" in (t["message"] or "") for t in trials(tmp_path))
        == dying
    )


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_everything_killed_and_resumed(tmp_path, number):
    options = {"workers": 2, "max_trials": 8}
    process = start(tmp_path, options)
    toy.wait_for(lambda: len(ended(tmp_path)) >= 1 or process.poll())
    with pytest.raises(RuntimeError, match=f"in use by process {process.pid}"):
        search(toy.Toy(), toy.DATA, toy.DATA, directory=tmp_path / "s")
    toy.wait_for(lambda: len(ended(tmp_path)) >= 3 or process.poll())
    process.send_signal(number)
    process.communicate()
    pids = {int(pid) for _, pid, _ in toy.runs(tmp_path / "journal")}
    toy.wait_for(lambda: not any(map(toy.alive, pids)), 20)
    done = ended(tmp_path)
    kept = {
        path: path.read_bytes()
        for path in tmp_path.glob("s/trial_*/trial.json")
        if path.parent.name.removeprefix("trial_") in done
    }
    begun = len(toy.runs(tmp_path / "journal"))
    finish(start(tmp_path, options), rows=8)
    assert all(path.read_bytes() == text for path, text in kept.items())
    runs = toy.runs(tmp_path / "journal")
    assert len(names(tmp_path)) == len(set(names(tmp_path))) == 8
    assert len(ended(tmp_path)) == 8
    # Those interrupted ran again, and no other.
    assert len(runs) == begun + 8 - len(done)


@pytest.mark.long
def test_a_script_without_a_guard_is_told(tmp_path):
    process = start(tmp_path, {"workers": 2}, guard="main()\n")
    output, _ = process.communicate(timeout=150)
    assert process.returncode
    assert 'under `if __name__ == "__main__":`' in output


@contextlib.contextmanager
def by_command_lines(folder):
    """As examples/slurm/search.sbatch starts them, without SLURM."""
    file = folder / "scheduler.json"
    options = ["--scheduler-file", str(file), "--no-dashboard"]
    dask = [sys.executable, "-m", "dask"]
    limits = ["--nthreads", "1", "--memory-limit", "0"]
    commands = [
        [*dask, "scheduler", *options, "--port", "0"],
        *[[*dask, "worker", *options, *limits]] * 2,
    ]
    environment = {**os.environ, "PYTHONPATH": PATHS}
    processes = [
        subprocess.Popen(command, env=environment) for command in commands
    ]
    try:
        toy.wait_for(file.exists)
        with distributed.Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(2, timeout=60)
            yield client, processes[0]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait(20)


@pytest.mark.long
def test_processes_found_through_the_schedulers_file(tmp_path):
    with by_command_lines(tmp_path) as (client, _):
        hypermodel = toy.Toy(tmp_path / "journal", seconds=0.3)
        result = run(tmp_path, client, hypermodel, max_trials=6)
    assert len(result.finished) == 6
    pids = {pid for _, pid, _ in toy.runs(tmp_path / "journal")}
    assert len(pids) == 2 and str(os.getpid()) not in pids


@pytest.mark.parametrize("asked", ["nthreads", "submit"])
def test_the_scheduler_may_be_gone_when_it_is_asked(
    cluster, monkeypatch, tmp_path, asked
):
    pool = pools.Cluster(cluster, tmp_path / "no.job")

    def gone(*arguments, **options):
        raise distributed.comm.CommClosedError("in <TCP>")

    monkeypatch.setattr(cluster, asked, gone)
    with pytest.raises(RuntimeError, match="lost.*the same call goes on"):
        pool.submit("1", len) if asked == "submit" else pool.slots


@pytest.mark.long
def test_a_lost_scheduler_ends_the_search(tmp_path):
    options = {"max_trials": 8, "directory": tmp_path / "s"}
    hypermodel = toy.Toy(tmp_path / "journal", seconds=0.5)
    with by_command_lines(tmp_path) as (client, scheduler):
        killer = threading.Thread(
            target=lambda: (
                toy.wait_for(lambda: len(ended(tmp_path)) >= 3),
                scheduler.kill(),
            )
        )
        killer.start()
        with pytest.raises(RuntimeError, match="lost.*the same call goes on"):
            search(hypermodel, toy.DATA, toy.DATA, client=client, **options)
        killer.join()
    done = len(ended(tmp_path))
    begun = len(toy.runs(tmp_path / "journal"))
    assert 3 <= done < 8
    search(hypermodel, toy.DATA, toy.DATA, **options)
    assert len(ended(tmp_path)) == 8
    assert len(toy.runs(tmp_path / "journal")) == begun + 8 - done


def test_what_cannot_be_sent(tmp_path):
    def data():
        yield toy.DATA

    with pytest.raises(ValueError, match="train cannot be sent.*a function"):
        search(toy.Toy(), data(), toy.DATA, workers=2, directory=tmp_path)
    hypermodel = toy.Toy(fault=(n for n in ()))
    with pytest.raises(ValueError, match="hypermodel cannot be sent"):
        search(hypermodel, toy.DATA, workers=2, directory=tmp_path)
    assert not list(tmp_path.glob("jobs/*"))


def test_a_worker_of_another_make_says_both_versions(tmp_path, monkeypatch):
    path = tmp_path / "s" / "jobs" / "a.job"
    jobs.write_job(3, path)
    assert jobs.read_job(path) == 3
    here = jobs._versions()
    monkeypatch.setattr(jobs, "_versions", lambda: {**here, "Keras": "3.0.1"})
    with pytest.raises(RuntimeError, match="Keras is 3.0.1 there and 3.*here"):
        jobs.read_job(path)


def test_a_folder_that_a_worker_does_not_see(tmp_path):
    with pytest.raises(RuntimeError, match="does not see .*that they share"):
        jobs.read_job(tmp_path / "s" / "jobs" / "a.job")


def test_dask_is_asked_for_by_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"keras-visual-attention\[distrib"):
        search(toy.Toy(), toy.DATA, toy.DATA, workers=2, directory=tmp_path)


def test_the_job_that_is_submitted_to_slurm(monkeypatch):
    pytest.importorskip("dask_jobqueue")
    folder = ROOT / "examples" / "slurm"
    monkeypatch.syspath_prepend(str(folder))
    import jobqueue

    with jobqueue.make_cluster() as cluster:
        script = cluster.job_script()
    lines = script.splitlines()
    for line in (
        "#SBATCH -J search-worker",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --mem=30G",
        "#SBATCH -t 08:00:00",
        "#SBATCH --gpus=1",
        "export PYTHONPATH=examples",
        "export TF_FORCE_GPU_ALLOW_GROWTH=true",
    ):
        assert line in lines, script
    command = lines[-1]
    for part in ("distributed.cli.dask_worker", "--nthreads 1", "--nanny"):
        assert part in command
    assert "--memory-limit 0" in command
