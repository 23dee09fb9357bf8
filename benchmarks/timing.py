"""Two things timed in turns, and how much longer the one takes.

A machine's speed drifts by more than what is compared. So the two take turns,
every turn gives one ratio, and the median of the ratios is reported with a
95 % interval that assumes nothing of their distribution.
"""

import json
import os
import pathlib
import platform
import statistics
import time

PAIRS = 21


def compare(ours, peer, pairs=PAIRS, warm_up=2):
    """Times two functions in turns.

    Args:
        ours: A function that returns when its work is done.
        peer: The other.
        pairs: How many times each is timed.
        warm_up: How many times each runs before, to compile and to settle.

    Returns:
        A dictionary of both medians in milliseconds, the median ratio
        `ours / peer` and its interval `low`, `high`.
    """
    for _ in range(warm_up):
        ours()
        peer()
    times = []
    for turn in range(pairs):
        # Who goes first alternates too: the second finds a warm cache.
        if turn % 2:
            first = seconds(peer)
            times.append((seconds(ours), first))
        else:
            times.append((seconds(ours), seconds(peer)))
    ratios = [a / b for a, b in times]
    low, high = median_interval(ratios)
    return {
        "ours_ms": round(1e3 * statistics.median(a for a, _ in times), 3),
        "peer_ms": round(1e3 * statistics.median(b for _, b in times), 3),
        "ratio": round(statistics.median(ratios), 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "pairs": pairs,
    }


def median_interval(values):
    """The order statistics that enclose the median in 95 % of samples.

    How many of `n` values lie below the true median is binomial(n, 1/2).

    >>> median_interval(list(range(21)))
    (5, 15)
    """
    values = sorted(values)
    below, rank = 0.5 ** len(values), 0
    tail = below
    while tail <= 0.025:
        rank += 1
        below *= (len(values) - rank + 1) / rank
        tail += below
    rank = max(rank - 1, 0)
    return values[rank], values[-rank - 1]


def environment(backend, **versions):
    """What has to be known of the machine to read the figures."""
    return {
        "backend": backend,
        "versions": versions,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
    }


def write(path, rows, information):
    """Writes rows as JSON and, beside it, as a Markdown table."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"rows": rows, "environment": information}, indent=2)
    path.write_text(text + "\n")
    names = [name for name in rows[0] if name not in ("low", "high", "pairs")]
    lines = ["| " + " | ".join(names).replace("_", " ") + " |"]
    lines.append("|" + " --- |" * len(names))
    for row in rows:
        cells = [
            f"{row[name]:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            if name == "ratio"
            else str(row[name])
            for name in names
        ]
        lines.append("| " + " | ".join(cells) + " |")
    table = "\n".join(lines)
    path.with_suffix(".md").write_text(table + "\n")
    print(f"\n{table}\n\nWritten to {path}")


def seconds(function):
    """How long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
