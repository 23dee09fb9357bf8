"""One table of what detect.py trained in several folders.

    python examples/detect_gather.py runs/plain runs/mhsa --output runs/both
    python examples/detect_gather.py runs/plain runs/mhsa --output runs/both \
        --data ../shared/data/bccd_320x240.npz

Seeds and detectors can so be trained on several machines at once, with the same
arguments otherwise. `--data` says where a file of images is here.

Of a training that was cut off after it had saved what it found, but before it
had written results, what it found is measured; the course of its training is
lost. Writes what detect.py writes: detect.png if the folders have networks,
curves.png if all have courses; and found.png, what the first seeds found.
"""

import argparse
import json
import pathlib
import shutil
import sys

import detect
import detect_figure
import numpy as np
from detect_networks import DETECTORS
from detect_training import measures
from detect_training import path_of

from keras_attention.internals.files import write_text


def gather(folders, output):
    """Puts the files of folders into one; the rows and the configuration.

    Raises:
        ValueError: If they were trained with different settings, or if two
            have the same detector and seed.
    """
    configs = [json.loads((f / "config.json").read_text()) for f in folders]
    rows = []
    for folder, config in zip(folders, configs, strict=True):
        if config != configs[0]:
            raise ValueError(
                f"{folders[0]} and {folder} have different settings. "
                f"Received: {configs[0]} and {config}"
            )
        path = folder / "results.json"
        rows += json.loads(path.read_text())["rows"] if path.exists() else []
    trainings = [(row["detector"], row["seed"]) for row in rows]
    if len(set(trainings)) < len(trainings):
        raise ValueError(f"A training is there twice. Received: {trainings}")
    output.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for path in [*folder.glob("*.npz"), *folder.glob("*.keras")]:
            shutil.copy(path, output)
    text = f"{json.dumps(configs[0], indent=2)}\n"
    write_text(output / "config.json", text)
    return rows, configs[0]


def cut_off(rows, test, folder):
    """Rows of those that have found something and are in no row."""
    there = {(row["detector"], row["seed"]) for row in rows}
    found = []
    for detector in DETECTORS:
        for path in folder.glob(path_of(folder, detector, "*.npz").name):
            seed = int(path.suffixes[0][1:])
            if (detector, seed) in there:
                continue
            row = {"detector": detector, "seed": seed}
            start = path_of(folder, f"{detector}, start", f"{seed}.npz")
            parts = {"start": start} if start.exists() else {}
            for key, part in {**parts, "end": path}.items():
                with np.load(part) as file:
                    measured = measures(test, dict(file))
                row |= measured if key == "end" else {key: measured}
            found.append(row)
    return found


def first_seeds(rows, folder):
    """What was found by the first seeds, first by the first's start."""
    first = [row["detector"] for row in rows if row["seed"] == 0]
    names = [f"{name}, start" for name in first[:1]] + first
    paths = {name: path_of(folder, name, "0.npz") for name in names}
    found = {}
    for name, path in paths.items():
        if path.exists():
            with np.load(path) as file:
                found[name] = dict(file)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument(
        "--data", help="file of images, if elsewhere than in training"
    )
    arguments = parser.parse_args()
    try:
        rows, config = gather(arguments.folders, arguments.output)
        settings = dict(config["arguments"])
        settings["data"] = arguments.data or settings["data"]
        *_, test = detect.read(settings)
    except (ValueError, OSError) as error:
        print(f"detect_gather.py: error: {error}", file=sys.stderr)
        return 2
    rows += cut_off(rows, test, arguments.output)
    detect.write_results(rows, test[1], arguments.output)
    detect.draw(rows, test, arguments.output)
    figure = detect_figure.draw_found(
        first_seeds(rows, arguments.output), *test
    )
    figure.savefig(arguments.output / "found.png")
    print(f"{len(rows)} trainings. Written to {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
