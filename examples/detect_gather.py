"""One table of what detect.py trained in several folders.

    python examples/detect_gather.py runs/plain runs/mhsa --output runs/both
    python examples/detect_gather.py runs/plain runs/mhsa --output runs/both \
        --data ../shared/data/bccd_320x240.npz

Seeds and detectors can so be trained on several machines at once, with the same
arguments otherwise. `--data` says where a file of images is here.

Writes what detect.py writes; detect.png if the folders have networks.
"""

import argparse
import json
import pathlib
import shutil
import sys

import detect

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
        rows += json.loads((folder / "results.json").read_text())["rows"]
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
    detect.write_results(rows, test[1], arguments.output)
    detect.draw(rows, test, arguments.output)
    print(f"{len(rows)} trainings. Written to {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
