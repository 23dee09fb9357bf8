"""A search of several processes: some are killed, and all of them end."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import types

import keras_tuner
import pytest
import toy

import keras_attention
from keras_attention.tuning import search
from keras_attention.tuning.service import chief
from keras_attention.tuning.service import link
from keras_attention.tuning.service import worker
from keras_attention.tuning.service import workers

ROOT = pathlib.Path(keras_attention.__file__).parent.parent
# Nothing guards it from being imported, and its class travels by value.
SCRIPT = """
import sys, pathlib, toy
from keras_attention.tuning import search
folder = pathlib.Path(sys.argv[1])
class Mine(toy.Toy):
    def build(self, hp):
        return super().build(hp)
result = search(
    Mine(folder / "journal", seconds=0.4), lambda: toy.DATA, toy.DATA,
    directory=folder / "s", **eval(sys.argv[2]))
print("rows", len(result.rows))
"""


def trials(folder):
    files = sorted(folder.glob("s/trial_*/trial.json"))
    return [json.loads(path.read_text()) for path in files]


def ended(folder):
    """Numbers of finished trials; tells nothing of one just being written."""
    return [t["trial_id"] for t in trials(folder) if t["score"] is not None]


def names(folder):
    states = trials(folder)
    return [toy.name_of(t["hyperparameters"]["values"]) for t in states]


def start(folder, options, **environment):
    script = folder / "script.py"
    script.write_text(SCRIPT)
    paths = os.pathsep.join([str(ROOT), str(pathlib.Path(toy.__file__).parent)])
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), repr(options)],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, rows):
    output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, output
    assert f"rows {rows}" in output
    return output


@pytest.mark.long
def test_three_workers_one_killed_and_a_file_damaged(tmp_path, capsys):
    kill = toy.kill_once(tmp_path / "killed")
    folder = tmp_path / "s"

    def fault(hp, value):
        for path in sorted(folder.glob("trial_*/trial.json"))[:1]:
            if "COMPLETED" in path.read_text():
                path.write_text('{"trial_id"')
        return kill(hp, value)

    hypermodel = toy.Toy(tmp_path / "journal", seconds=0.5, fault=fault)
    with pytest.warns(UserWarning, match="trial.json is damaged"):
        result = search(
            hypermodel,
            toy.DATA,
            toy.DATA,
            workers=3,
            max_trials=10,
            directory=folder,
        )
    assert [row["status"] for row in result.rows] == ["COMPLETED"] * 10
    runs = toy.runs(tmp_path / "journal")
    # Every trial ran once, but for the one whose worker was killed.
    assert len(runs) == 11 and len({name for name, *_ in runs}) == 10
    assert sorted(names(tmp_path)) == sorted({name for name, *_ in runs})
    pids = {int(pid) for _, pid, _ in runs}
    assert len(pids) >= 3 and os.getpid() not in pids
    assert not any(map(toy.alive, pids))
    assert len(capsys.readouterr().out.splitlines()) == 10
    # The exact numbers, though they came by gRPC.
    for trial in trials(tmp_path):
        values = trial["hyperparameters"]["values"]
        assert values["rate"] in (0.1, 0.01, 0.001)


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
    messages = {t["message"] for t in trials(tmp_path)}
    died = "Its worker died 2 times: "
    assert f"{died}killed by SIGKILL" in messages
    assert f"{died}the trial called sys.exit(0)" in messages
    assert any(m and m.startswith("MemoryError: no room") for m in messages)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_everything_killed_and_resumed(tmp_path, number):
    options = {"workers": 2, "max_trials": 8}
    process = start(tmp_path, options)
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


def slurm_job():
    job = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "localhost",
        "SLURM_NTASKS": "3",
    }
    return [{**job, "SLURM_PROCID": str(rank)} for rank in range(3)]


def keras_tuner_job():
    job = {
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(32000 + os.getpid() % 700),
    }
    names = ("the-chief", "a", "b")
    return [{**job, "KERASTUNER_TUNER_ID": name} for name in names]


@pytest.mark.long
@pytest.mark.parametrize(
    "job, names",
    [
        (slurm_job, ["rank0", "rank1", "rank2"]),
        (keras_tuner_job, ["a", "b"]),
    ],
)
def test_tasks_of_a_job(tmp_path, job, names):
    options = {"workers": "auto", "max_trials": 8}
    tasks = [start(tmp_path, options, **task) for task in job()]
    outputs = [finish(task, rows=8) for task in tasks]
    assert ["8/8" in output for output in outputs] == [True, False, False]
    assert len(ended(tmp_path)) == 8
    runs = toy.runs(tmp_path / "journal")
    assert len(runs) == len({name for name, *_ in runs}) == 8
    logs = sorted(path.name for path in tmp_path.glob("s/workers/*.log"))
    assert logs == [f"{name}-tuner0.log" for name in names]


@pytest.mark.long
def test_a_fatal_error_of_a_worker_is_raised_here(tmp_path):
    with pytest.raises(ValueError, match="val_acc, .*val_accuracy"):
        search(
            toy.Toy(),
            toy.DATA,
            toy.DATA,
            objective="val_acc",
            workers=2,
            directory=tmp_path,
        )


def test_what_cannot_be_sent(tmp_path):
    def data():
        yield toy.DATA

    with pytest.raises(ValueError, match="train cannot be sent.*a function"):
        search(toy.Toy(), data(), toy.DATA, workers=2, directory=tmp_path)
    hypermodel = toy.Toy(fault=(n for n in ()))
    with pytest.raises(ValueError, match="hypermodel cannot be sent"):
        search(hypermodel, toy.DATA, workers=2, directory=tmp_path)


class EndedProcess:
    def __init__(self, status):
        self.pid, self.status = -1, status

    def poll(self):
        return self.status


@pytest.mark.parametrize(
    "status, lost", [(0, True), (1, True), (-9, True), (workers.DONE, False)]
)
def test_only_a_worker_that_was_told_to_end_has_lost_nothing(
    monkeypatch, tmp_path, status, lost
):
    processes = [EndedProcess(None), EndedProcess(status)]
    monkeypatch.setattr(
        workers.Workers,
        "_start",
        lambda self, name, gpu, n: (processes.pop(), gpu),
    )
    given_up = []
    started = workers.Workers(
        1, "", "host:1", tmp_path / "job", lambda *found: given_up.append(found)
    )
    started.poll()
    assert [name for name, _ in given_up] == ["tuner0"] * lost
    # Another process in its place.
    assert bool(started.processes) is lost


@pytest.mark.parametrize("code", [0, None, workers.DONE, "no licence"])
def test_a_trial_that_ends_its_process_is_lost(monkeypatch, code):
    told = []

    class Tuner:
        def search(self, *args, **kwargs):
            sys.exit(code)

    class Link:
        name = "tuner0"

        def __init__(self, address, name):
            pass

        def beat(self):
            pass

        def tell(self, event, **fields):
            told.append((event, fields))
            return {"task": "work"}

    job = types.SimpleNamespace(
        make_tuner=Tuner, fit_arguments=lambda: ([], {})
    )
    for name, value in (
        ("die_with", lambda parent: None),
        ("Link", Link),
        ("read_job", lambda path: job),
    ):
        monkeypatch.setattr(worker, name, value)
    for name in ("ORACLE_IP", "ORACLE_PORT", "TUNER_ID"):
        monkeypatch.setenv(f"KERASTUNER_{name}", "1")
    assert worker.main("job", "1") == 1
    assert [event for event, _ in told] == ["ask", "lost"]
    assert told[-1][1]["worker"] == "tuner0"
    assert "sys.exit" in told[-1][1]["reason"]


class FakeOracle:
    error = None

    def __init__(self):
        self.lost = []
        self.reasons = {}

    def lose(self, name, reason):
        self.lost.append((name, reason))

    def add_reason(self, trial, reason):
        self.reasons[trial] = reason

    def finished(self):
        return False


def test_one_worker_explores_and_the_others_wait():
    opened = []
    service = chief.Chief(FakeOracle(), lambda *found: opened.append(found))

    def ask(name):
        return service.answer({"name": name, "event": "ask"})["task"]

    assert [ask("a"), ask("b"), ask("a")] == ["explore", "wait", "explore"]
    # It dies while it explores.
    service.answer(
        {"name": "host", "event": "lost", "worker": "a", "reason": "killed"}
    )
    assert [ask("b"), ask("a")] == ["explore", "wait"]
    found = {"space": [], "failures": ["MemoryError"]}
    for _ in range(2):
        service.answer({"name": "b", "event": "space", **found})
    assert opened == [([], ["MemoryError"])]
    assert [ask("a"), ask("b")] == ["work", "work"]


def test_a_refusal_reaches_every_process():
    def refuse(space, failures):
        raise ValueError("the space has changed")

    service = chief.Chief(FakeOracle(), refuse)
    message = {"name": "a", "event": "space", "space": [], "failures": []}
    answer = service.answer(message)
    assert answer == {"task": "stop", "error": "the space has changed"}
    with pytest.raises(ValueError, match="has changed"):
        raise service.oracle.error


def test_silent_workers_are_given_up(monkeypatch):
    now = [0.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(chief, "time", clock)
    service = chief.Chief(FakeOracle(), None)
    service.answer({"name": "a", "event": "beat"})
    now[0] = chief.SILENCE
    service.answer({"name": "b", "event": "beat"})
    service.check_silence()
    assert service.oracle.lost == []
    now[0] += 1
    service.check_silence()
    assert [name for name, _ in service.oracle.lost] == ["a"]
    now[0] += chief.START_SECONDS
    with pytest.raises(RuntimeError, match="No worker was heard"):
        service.check_silence()


def test_messages_go_both_ways():
    oracle = FakeOracle()
    service = chief.Chief(oracle, None)
    port = service.start("127.0.0.1", 0)
    client = link.Link(f"127.0.0.1:{port}", "tuner0")
    client.tell("reason", trial="3", reason="no room")
    assert oracle.reasons == {"3": "no room"}
    assert client.tell("hello")["task"] == "work"
    client.tell("fatal", kind="FatalTypeError", reason="wrong data")
    assert client.tell("beat") == {"task": "stop", "error": "wrong data"}
    assert isinstance(oracle.error, TypeError)
    client.tell("bye")
    begin = time.monotonic()
    service.stop()
    assert time.monotonic() - begin < 5
