"""Seconds, bytes and operations, from the benchmarks."""

import json

from tables.files import BENCHMARKS


def axes():
    """Alignments beside other packages, on the backends measured."""
    backends = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
    found = {}
    for backend, name in backends.items():
        path = BENCHMARKS / f"axes_{backend}.json"
        if path.exists():
            for row in json.loads(path.read_text())["rows"]:
                key = tuple(row[k] for k in ("alignment", "peer", "what"))
                key += (row["scores"],)
                ratio = f"{row['ratio']:.2f} ({row['low']:.2f} to "
                found.setdefault(key, {})[name] = f"{ratio}{row['high']:.2f})"
    shown = [
        n for n in backends.values() if any(n in f for f in found.values())
    ]
    head = ["alignment", "beside", "", "scores", *shown]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for (key, peer, what, shape), ratios in found.items():
        cells = [f"`{key}`", peer, what, shape]
        cells += [ratios.get(name, "-") for name in shown]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def sagan():
    """SAGAN: its block, networks and training beside PyTorch."""
    backends = {"tensorflow": "TensorFlow", "torch": "PyTorch"}
    runs = {
        name: json.loads((BENCHMARKS / f"generation_{key}.json").read_text())
        for key, name in backends.items()
        if (BENCHMARKS / f"generation_{key}.json").exists()
    }
    head = [f"{name}, images/s" for name in runs]
    lines = [f"| | | batch | {' | '.join([*runs, *head])} |"]
    lines.append("|---" * (3 + 2 * len(runs)) + "|")
    for rows in zip(*(run["rows"] for run in runs.values()), strict=True):
        cells = [rows[0][key] for key in ("name", "what", "shape")]
        cells += [
            f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            for row in rows
        ]
        cells += [f"{row['images_per_second']:,}" for row in rows]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def speed():
    """The whole networks, then every layer at every size of map."""
    models = json.loads((BENCHMARKS / "model_step_tensorflow.json").read_text())
    lines = ["| network | beside | | ratio |", "|---|---|---|---|"]
    for row in models["rows"]:
        interval = f"{row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        names = (row["model"], row["peer"], row["what"], interval)
        lines.append(f"| {' | '.join(names)} |")
    layers = json.loads((BENCHMARKS / "layers_tensorflow.json").read_text())
    maps = list(dict.fromkeys(row["map"] for row in layers["rows"]))
    cells = {}
    for row in layers["rows"]:
        key = row["layer"], row["peer"]
        place = row["what"], maps.index(row["map"])
        cells.setdefault(key, {})[place] = f"{row['ratio']:.2f}"
    lines += [
        "",
        f"| layer, at {', '.join(maps)} | beside | forward | training step |",
        "|---|---|---|---|",
    ]
    for (layer, peer), found in cells.items():
        ratios = [
            ", ".join(found[what, index] for index in range(len(maps)))
            for what in ("forward", "training step")
        ]
        lines.append(f"| `{layer}` | {peer} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def unet():
    """The U-Net's time over that of the same network in PyTorch."""
    lines = [
        "| network | what | ours | PyTorch | ratio | images a second |",
        "|---|---|---|---|---|---|",
    ]
    found = json.loads(
        (BENCHMARKS / "segmentation_tensorflow.json").read_text()
    )
    for row in found["rows"]:
        lines.append(
            "| {model} | {what} | {ours_ms:.0f} ms | {peer_ms:.0f} ms "
            "| {ratio:.2f} ({low:.2f} to {high:.2f}) "
            "| {images_a_second:.0f} |".format(**row)
        )
    return "\n".join(lines)


def lite0():
    """EfficientNet-Lite0's time over that of timm's, in PyTorch."""
    lines = [
        "| backend | what | ours | timm | ratio |",
        "|---|---|---|---|---|",
    ]
    for path in sorted(BENCHMARKS.glob("lite0_step_*.json")):
        found = json.loads(path.read_text())
        backend = found["environment"]["backend"]
        for row in found["rows"]:
            lines.append(
                "| {} | {what} | {ours_ms:.0f} ms | {peer_ms:.0f} ms "
                "| {ratio:.2f} ({low:.2f} to {high:.2f}) |".format(
                    backend, **row
                )
            )
    return "\n".join(lines)


def captioning():
    """A caption decoder's time over that of a tutorial's, in PyTorch."""
    lines = [
        "| backend | beside | what | ours | PyTorch | ratio |",
        "|---" * 6 + "|",
    ]
    for path in sorted(BENCHMARKS.glob("captioning_*.json")):
        found = json.loads(path.read_text())
        backend = found["environment"]["backend"]
        for row in found["rows"]:
            lines.append(
                "| {} | {peer} | {what} | {ours_ms:.0f} ms | {peer_ms:.0f} ms "
                "| {ratio:.2f} ({low:.2f} to {high:.2f}) |".format(
                    backend, **row
                )
            )
    return "\n".join(lines)


def search_scale():
    """What a search costs beside its trainings, and how many it feeds."""
    return (BENCHMARKS / "search_scale.md").read_text().strip()


def going_on():
    """What it costs to be able to go on after a kill."""
    return (BENCHMARKS / "resumable.md").read_text().rstrip()


def looking():
    """What maps cost, beside the passes that they are made of."""
    return (BENCHMARKS / "explanation.md").read_text().rstrip()


def detecting():
    """Detectors beside PyTorch, and what is around them, on two backends."""
    columns = []
    for backend in ("tensorflow", "torch"):
        path = BENCHMARKS / f"detection_{backend}.json"
        columns.append(json.loads(path.read_text())["rows"])
    lines = [
        "| what | beside | TensorFlow, ms | ratio | images/s "
        "| PyTorch, ms | ratio | images/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rows in zip(*columns, strict=True):
        cells = [rows[0]["what"], rows[0]["beside"]]
        for row in rows:
            ratio = "{ratio:.2f} ({low:.2f} to {high:.2f})".format(**row)
            ours, rate = row["ours_ms"], row["images_s"]
            cells += [f"{ours:.1f}", ratio, f"{rate:,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
