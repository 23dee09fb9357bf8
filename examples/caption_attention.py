"""Captions with soft, hard and no attention, from one trained network on.

    python examples/caption.py
    python examples/caption_attention.py --seeds 0 1 2

The network that caption.py has trained, with soft attention, stays as it is.
Its decoder learns on for an epoch on its maps, each time with the same weights
to begin with and another attention:

*soft*, *uniform* and *hard* are those of caption.py, *straight-through* is as
*hard*, with a softmax's gradient.

So this is no comparison of trainings from nothing: *uniform* has an epoch to
get used to it, and *hard* begins where soft attention has found what to look
at.

Adds its rows to results.json in the output folder, unless they are there.
"""

import argparse
import json
import pathlib
import sys
import time

import caption
import caption_looks
import keras

from keras_attention import alignments
from keras_attention.internals.files import write_text
from keras_attention.tasks import captioning

SETTINGS = {**caption.SETTINGS, "learning_rate": 1e-3}
ALIGNMENTS = {
    **caption.ALIGNMENTS,
    "straight-through": lambda seed: alignments.get(
        "gumbel_softmax", hard=True, seed=seed
    ),
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--attention",
        nargs="+",
        choices=ALIGNMENTS,
        default=[*ALIGNMENTS],
        help="of the decoders",
    )
    add("--seeds", nargs="+", type=int, default=[0], help="of order and draws")
    add("--images", type=int, default=14000, help="to train on")
    add("--epochs", type=int, default=1, help="of a decoder")
    add("--model", default="runs/caption/model.keras", help="of caption.py")
    add("--output", default="runs/caption_attention", help="folder for results")
    return parser.parse_args()


def prepared(network, images):
    """`{split: data}` of caption.py, with the network's maps as images."""
    few = max(images // 7, 8)
    counts = {"train": images, "validation": few // 2, "test": few}
    parts = {
        split: caption.digits({"digits": 1, "articles": True}, split, count)
        for split, count in counts.items()
    }
    for data in parts.values():
        data["image"] = network.encoder.predict(data["image"], verbose=0)
    return parts


def trained(network, parts, attention, seed, epochs):
    """A model that says captions of maps, begun as the network's decoder."""
    keras.utils.set_random_seed(seed)
    model = captioning.CaptioningModel(
        parts["train"]["image"].shape[1:],
        network.vocabulary,
        network.length,
        alignment=ALIGNMENTS[attention](seed),
        **SETTINGS["decoder"],
    )
    model.decoder.set_weights(network.decoder.get_weights())
    arguments = {"attention": attention, "seed": seed, "epochs": epochs}
    caption.train(model, parts, arguments, SETTINGS)
    return model


def measured(model, parts):
    """Numbers of greedy captions, of validation and of test images."""
    data = parts["test"]
    said = captioning.generate(model, data["image"], batch_size=100)
    return {
        "test_images": len(said.texts),
        "validation_exact_match": caption_looks.exact(
            model, parts["validation"]
        ),
        **caption_looks.numbers(said, data, SETTINGS["canvas"]),
    }


def read(path):
    """The results so far."""
    if not path.exists():
        return {"settings": SETTINGS, "rows": []}
    found = json.loads(path.read_text())
    if found["settings"] != SETTINGS:
        raise ValueError(
            f"{path} has rows of other settings. Choose another --output."
        )
    return found


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    network = keras.saving.load_model(arguments.model)
    parts = prepared(network, arguments.images)
    for seed in arguments.seeds:
        for attention in arguments.attention:
            key = {"attention": attention, "seed": seed}
            key |= {"images": arguments.images, "epochs": arguments.epochs}
            if any(key.items() <= row.items() for row in read(path)["rows"]):
                continue
            start = time.process_time()
            model = trained(network, parts, attention, seed, arguments.epochs)
            seconds = time.process_time() - start
            row = {**key, "processor_seconds": seconds}
            row |= measured(model, parts)
            print(json.dumps(row, indent=1), flush=True)
            found = read(path)  # another run may have added to it
            found["rows"].append(row)
            write_text(path, json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
