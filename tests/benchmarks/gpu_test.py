import json
import pathlib
import sys
import time

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"

SLOW = """
import time
def run(settings, add):
    add(number=1)
    time.sleep(60)
"""
BREAKS = """
def run(settings, add):
    add(number=2)
    raise ValueError("no luck")
"""
LOOKS = """
import json, pathlib, time
def run(settings, add):
    found = json.loads(pathlib.Path(settings["report"]).read_text())
    add(seen=[part["status"] for part in found["parts"]], at=time.time())
"""


@pytest.fixture
def protocol(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    from gpu import protocol

    for name in ("SLOW", "BREAKS", "LOOKS"):
        (tmp_path / f"{name.lower()}.py").write_text(globals()[name])
    yield protocol
    for name in [n for n in sys.modules if n.partition(".")[0] == "gpu"]:
        sys.modules.pop(name)


def make_report(parts, path):
    from gpu.report import Report

    return Report(path, parts, {"card": "fake"}, {"report": str(path)})


def test_no_part_harms_the_next(protocol, tmp_path):
    run, part = protocol.Run, protocol.Part
    parts = [
        # The second process has its share, though the first takes all it can.
        part(
            "1", "", 8, (run("a", "slow", seconds=2), run("b", "looks", {}, 6))
        ),
        part("2", "", 9, (run("c", "breaks"),)),
        part("3", "", 9, (run("d", "slow", skip="no sense here"),)),
        part("4", "", 9, (run("e", "slow", needs=("no_such_package",)),)),
        part("5", "", 9, (run("f", "looks"),)),
    ]
    report = make_report(parts, tmp_path / "gpu.json")
    assert not protocol.run_parts(parts, report, time.monotonic() + 60)

    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [part["status"] for part in found["parts"]] == [
        "out of time: a",
        "failed: ValueError: no luck",
        "skipped: no sense here",
        "skipped: no_such_package is not installed",
        "done",
    ]
    assert 2 <= found["parts"][0]["runs"][0]["seconds"] < 4
    # A process that was ended, or broke, leaves what it had found.
    assert found["parts"][0]["rows"][0] == {"run": "a", "number": 1}
    assert found["parts"][1]["rows"] == [{"run": "c", "number": 2}]
    # The file is whole after every process, and names what is to come.
    (row,) = found["parts"][4]["rows"]
    assert row["seen"][1] == "failed: ValueError: no luck"
    assert row["seen"][4] == "not begun"
    assert "no luck" in (tmp_path / "gpu.md").read_text()


def test_when_all_time_is_over_nothing_begins(protocol, tmp_path):
    parts = [protocol.Part("1", "", 9, (protocol.Run("a", "slow", {}, 9),))]
    report = make_report(parts, tmp_path / "gpu.json")
    # It is no failure either.
    assert protocol.run_parts(parts, report, time.monotonic())
    assert report.parts[0]["status"] == "out of time: not begun"


def test_plan_fits_and_begins_with_what_is_wanted_most(protocol):
    from gpu import plan

    for dry in (False, True):
        parts = plan.parts(dry)
        names = [part.name for part in parts]
        assert names[:3] == ["parity", "training_step", "beside_timm"]
        assert names[3:6] == ["memory", "search", "cifar"]
        assert names[6:-1] == ([] if dry else ["more_steps", "lite0"])
        assert names[-1] == "device_time"
        # What comes last has the time that is left.
        assert sum(part.seconds for part in parts[:6]) <= plan.SECONDS - 20
        for part in parts:
            assert sum(run.seconds for run in part.runs) <= part.seconds
            for run in part.runs:
                module = run.module.removeprefix("gpu.")
                assert (FOLDER / "gpu" / f"{module}.py").exists()


def test_what_is_not_run_again_is_kept(protocol, tmp_path):
    from gpu import plan

    path, run = tmp_path / "gpu.json", protocol.Run
    runs = (run("a", "looks"), run("b", "looks"))
    parts = [protocol.Part("1", "", 9, runs), protocol.Part("2", "", 9, runs)]
    protocol.run_parts(parts, make_report(parts, path), time.monotonic() + 60)
    first = json.loads(path.read_text())["parts"]

    (part,) = plan.chosen(parts, {"2": 30}, ["b"])
    assert (part.seconds, [r.name for r in part.runs]) == (30, ["b"])
    report = make_report(parts, path)
    protocol.run_parts([part], report, time.monotonic() + 60)
    second = json.loads(path.read_text())["parts"]
    assert second[0] == first[0]
    assert [r["name"] for r in second[1]["runs"]] == ["a", "b"]
    assert second[1]["rows"][0] == first[1]["rows"][0]
    assert second[1]["rows"][1] != first[1]["rows"][1]
    assert len(second[1]["rows"]) == 2

    # Another card's numbers are not these.
    from gpu.report import Report

    fresh = Report(path, parts, {"card": "other"}, {})
    assert [part["rows"] for part in fresh.parts] == [[], []]
