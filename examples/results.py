"""The tables of the pages, made of the committed JSON files.

    python examples/results.py          # prints them
    python examples/results.py --write  # and puts them into README.md and docs

Between `<!-- name -->` and `<!-- end of name -->` a page has the table of that
name, which a function in `tables` makes. A folder in examples/results/train
holds one run of train.py: results.json with one row a trained network,
config.json with its settings, title.txt; the other folders of examples/results
hold runs of the scripts of their names. The files in benchmarks/results come
from the scripts beside them.
"""

import argparse
import functools

from tables import gpu
from tables import objects
from tables import parity
from tables import places
from tables import sentences
from tables import speed
from tables import tasks
from tables import training
from tables.files import ROOT

PAGES = {
    "README.md": {"gains": training.gained},
    "docs/evidence.md": {
        "demo": training.demo,
        "results": training.results,
        "attached": training.attached,
        "place": places.place,
        "on_objects": places.on_objects,
        "finetuned": training.finetuned,
        "glimpses": tasks.glimpses,
        "place_search": places.place_search,
        "explained": places.explained,
        "captions": sentences.captions,
        "caption_attention": sentences.caption_attention,
        "segmented": objects.segmented,
        "lesions": functools.partial(objects.segmented, "segment/lesions"),
        "detected": objects.detected,
        "blood_cells": objects.blood_cells,
        "generated": tasks.generated,
    },
    "docs/performance.md": {
        "speed": speed.speed,
        "axes": speed.axes,
        "sagan": speed.sagan,
        "lite0": speed.lite0,
        "unet": speed.unet,
        "captioning": speed.captioning,
        "search_scale": speed.search_scale,
        "going_on": speed.going_on,
        "looking": speed.looking,
        "detecting": speed.detecting,
        "gpu_steps": gpu.gpu_steps,
        "gpu_device_time": gpu.gpu_device_time,
        "gpu_layers": gpu.gpu_layers,
        "gpu_memory": gpu.gpu_memory,
    },
    "docs/parity.md": {
        "parity": parity.parity,
        "gpu": gpu.gpu_parity,
        "kept": parity.kept,
    },
}


def replaced(text, parts):
    """A page's text with every part made anew."""
    for name, part in parts.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{part()}\n{end}{after}"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into the pages")
    write = parser.parse_args().write
    for page, parts in PAGES.items():
        if write:
            path = ROOT / page
            path.write_text(replaced(path.read_text(), parts))
        else:
            print("\n\n".join(part() for part in parts.values()), end="\n\n")


if __name__ == "__main__":
    main()
