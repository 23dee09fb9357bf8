"""Processes with a limit, and parts of them that cannot harm each other.

A part is a list of processes, since Keras picks its backend at import. A
process writes its rows as it finds them, so that one which is ended at its
limit leaves what it has. Nothing that goes wrong in one stops the next.
"""

import contextlib
import dataclasses
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).parents[1]
# No process says anything of use in less.
LEAST_SECONDS = 2
DONE, LATE = "done", "out of time"


@dataclasses.dataclass(frozen=True)
class Run:
    """One process of a part.

    Attributes:
        name: Of the process, in the report.
        module: Its `run(settings, add)` is called; see `gpu.child`.
        settings: Dictionary for it, of plain values.
        seconds: Its share of the part's time. It may also use what those
            before it left; 0 is that alone.
        needs: Packages without which it is skipped.
        skip: Why it is skipped, whatever is there.
    """

    name: str
    module: str
    settings: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0
    needs: tuple = ()
    skip: str | None = None


@dataclasses.dataclass(frozen=True)
class Part:
    """Processes that answer one question, and how long they may take."""

    name: str
    title: str
    seconds: float
    runs: tuple


def run_parts(parts, report, deadline):
    """Runs every part in turn and writes the report after each process.

    Args:
        parts: List of `Part`, the most wanted first.
        report: A `Report`, which gets what they find.
        deadline: `time.monotonic()` at which all must have ended.

    Returns:
        Whether none failed. To run out of time is no failure.
    """
    fine = True
    for part in parts:
        for result in _run_part(part, deadline, report.settings):
            fine = fine and not result["status"].startswith("failed")
            report.add(part, result)
    return fine


def _run_part(part, deadline, settings):
    """Every process of a part: its name, status, seconds and rows."""
    end = min(time.monotonic() + part.seconds, deadline)
    for number, run in enumerate(part.runs):
        left = end - time.monotonic()
        kept = sum(later.seconds for later in part.runs[number + 1 :])
        limit = min(left, max(run.seconds, left - kept))
        print(f"{part.name}, {run.name}", end=" ", flush=True)
        result = run_process(run, limit, settings)
        print(
            f"{result['status']}, {len(result['rows'])} rows, "
            f"{result['seconds']} s",
            flush=True,
        )
        yield result


def run_process(run, limit, settings):
    """Runs one process for at most `limit` seconds.

    Args:
        run: A `Run`.
        limit: In seconds; the process and all that it started are ended.
        settings: Those of all processes, which its own are added to.

    Returns:
        `{"name", "status", "seconds", "rows"}`.
    """
    result = {"name": run.name, "status": DONE, "seconds": 0.0, "rows": []}
    missing = [n for n in run.needs if importlib.util.find_spec(n) is None]
    why = run.skip or (missing and f"{', '.join(missing)} is not installed")
    if why:
        return {**result, "status": f"skipped: {why}"}
    if limit < LEAST_SECONDS:
        return {**result, "status": f"{LATE}: not begun"}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        rows = pathlib.Path(folder, "rows.jsonl")
        told = {**settings, **run.settings, "ends": time.time() + limit}
        status = _spawn(run, told, rows, limit)
        found = _read(rows)
    return {
        "name": run.name,
        "status": status,
        "seconds": round(time.monotonic() - start, 1),
        "rows": found,
    }


def summarize(results):
    """The status of a part: what went wrong in it, named."""
    for word in ("failed", LATE, "skipped"):
        named = [r for r in results if r["status"].startswith(word)]
        # A part is skipped if all of it is.
        if named and (word != "skipped" or len(named) == len(results)):
            whats = {r["status"].removeprefix(word).strip(": ") for r in named}
            if len(whats) == 1 and len(named) == len(results):
                what = whats.pop()
            else:
                what = "; ".join(
                    r["name"] + r["status"].removeprefix(word) for r in named
                )
            return f"{word}: {what}" if what else word
    return DONE


def _spawn(run, settings, rows, limit):
    command = [sys.executable, "-P", "-m", "gpu.child", run.module]
    command += [json.dumps(settings), str(rows)]
    log = rows.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment(settings),
            # A group of its own, so that what it starts ends with it.
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
    if code is None:
        return LATE
    if code == 0:
        return DONE
    lines = log.read_text(errors="replace").strip().splitlines()
    print("\n" + "\n".join(lines[-25:]), file=sys.stderr, flush=True)
    return f"failed: {lines[-1][:300] if lines else f'exit status {code}'}"


def _end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(rows):
    """The whole lines; of a process that was ended the last may be cut."""
    if not rows.exists():
        return []
    *lines, _ = rows.read_text().split("\n")
    return [json.loads(line) for line in lines]


def environment(settings):
    """The variables of a process."""
    backend = settings.get("backend", "torch")
    paths = [str(FOLDER), os.environ.get("PYTHONPATH")]
    found = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "KERAS_BACKEND": "torch" if backend == "native" else backend,
        "MPLBACKEND": "Agg",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
        # Two frameworks may live in one process.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        # What one process compiled, the next need not.
        "JAX_COMPILATION_CACHE_DIR": f"{settings.get('scratch')}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    if not settings.get("on_card"):
        found.update(JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="")
        # No time that a processor takes counts.
        found["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    return found
