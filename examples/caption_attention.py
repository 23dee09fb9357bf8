"""Captions with soft, hard and no attention, on the maps of one frozen network.

    python examples/caption_attention.py --seeds 0 1 2   # 6 minutes of a core

As in Show, Attend and Tell the network that reads the images is trained before,
for something else, and stays as it is: here a small VGG16_bn that names digits
among clutter from the mean of its last map, without attention. The decoder of
caption.py and a table of positions are trained on its 12 x 12 positions:

- *soft*: a word sees the weighted mean of all positions,
- *uniform*: their plain mean,
- *hard*: a single position. In training it is drawn, for half of the words, and
  its score learns by REINFORCE; in tests it is the one with the highest score,
- *straight-through*: the same but for the gradient, which is that of a softmax.

Rate, warm-up and scale were chosen on validation images with soft attention;
the numbers of REINFORCE are those of the paper's code. The network and its maps
are kept in the output folder. A row that results.json there has already is not
trained again.
"""

import argparse
import json
import pathlib
import sys
import time

import caption
import caption_looks
import keras
import numpy as np

from keras_attention import VGG16BN
from keras_attention import alignments
from keras_attention.features import PositionEmbedding2D
from keras_attention.internals.files import write_text
from keras_attention.models import ReinforceModel
from keras_attention.tasks import captioning

SETTINGS = {
    **caption.SETTINGS,
    "encoder_epochs": 4,
    "learning_rate": 5e-3,
    "warm_up": 100,  # steps
    # As in the paper and its code.
    "sampled": {"sampling_probability": 0.5},
    "reinforce": {"reinforce_weight": 0.1, "entropy_weight": 0.002},
    # Of the standardised maps: at 1 a decoder takes longer to begin to learn.
    "deviation": 3.0,
}

ALIGNMENTS = {
    "soft": lambda seed: "softmax",
    # Scores divided by this are all the same.
    "uniform": lambda seed: alignments.get("softmax", temperature=1e12),
    "hard": lambda seed: alignments.get(
        "sampled", seed=seed, **SETTINGS["sampled"]
    ),
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
    add("--seeds", nargs="+", type=int, default=[0], help="of the decoders")
    add("--images", type=int, default=14000, help="to train on")
    add("--epochs", type=int, default=2, help="of a decoder")
    add("--fast", action="store_true", help="a look, in seconds")
    add("--output", default="runs/caption_attention", help="folder for results")
    arguments = parser.parse_args()
    if arguments.fast:
        arguments.images, arguments.epochs = 64, 1
    return arguments


def encoder(data, epochs):
    """A network that has learned to name digits, up to its map."""
    size = SETTINGS["canvas"]
    network = VGG16BN(
        include_top=False,
        input_shape=(size, size, 1),
        width_multiplier=SETTINGS["width_multiplier"],
    )
    maps = network.get_layer(SETTINGS["layer"]).output
    outputs = keras.layers.GlobalAveragePooling2D()(maps)
    outputs = keras.layers.Dense(10)(outputs)
    model = keras.Model(network.input, outputs)
    steps = epochs * -(-len(data["image"]) // SETTINGS["batch_size"])
    model.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(3e-3, steps),
            weight_decay=SETTINGS["weight_decay"],
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        data["image"],
        data["labels"][:, 0],
        batch_size=SETTINGS["batch_size"],
        epochs=epochs,
        verbose=2,
    )
    return keras.Model(network.input, maps)


def prepared(folder, images):
    """`{split: data}` with maps in place of images, made once a folder."""
    path = folder / "maps.npz"
    few = max(images // 7, 8)
    counts = {"train": images, "validation": few // 2, "test": few}
    wanted = {"digits": 1, "articles": True}
    parts = {
        split: caption.digits(wanted, split, count)
        for split, count in counts.items()
    }
    if not path.exists():
        keras.utils.set_random_seed(0)
        network = encoder(parts["train"], SETTINGS["encoder_epochs"])
        maps = {
            split: network.predict(data["image"], verbose=0).astype("float16")
            for split, data in parts.items()
        }
        np.savez(path, **maps)
    with np.load(path) as file:
        maps = {split: file[split] for split in parts}
    if {split: len(found) for split, found in maps.items()} != counts:
        raise ValueError(
            f"{path} has maps of other images. Choose another --output."
        )
    sample = maps["train"][:2000].astype("float32")
    mean, deviation = sample.mean((0, 1, 2)), sample.std((0, 1, 2)) + 1e-3
    for split, data in parts.items():
        standard = (maps[split].astype("float32") - mean) / deviation
        data["image"] = SETTINGS["deviation"] * standard
    return parts


def trained(parts, attention, seed, epochs):
    """A model that says captions of maps."""
    keras.utils.set_random_seed(seed)
    data = parts["train"]
    vocabulary = captioning.Vocabulary.from_captions(data["captions"])
    length = max(len(text.split()) for text in data["captions"]) + 1
    maps = keras.Input(data["image"].shape[1:])
    model = captioning.CaptioningModel(
        keras.Model(maps, PositionEmbedding2D()(maps)),
        vocabulary,
        length,
        alignment=ALIGNMENTS[attention](seed),
        **SETTINGS["decoder"],
    )
    learner = None
    if attention == "hard":
        learner = ReinforceModel(
            model.input, model.output, **SETTINGS["reinforce"]
        )
    arguments = {"seed": seed, "epochs": epochs}
    caption.train(model, parts, arguments, SETTINGS, learner)
    return model


def measured(model, parts):
    """Numbers of greedy captions, of validation and of test images."""
    row = {"parameters": model.count_params()}
    for split in ("validation", "test"):
        data = parts[split]
        said = captioning.generate(model, data["image"], batch_size=100)
        found = caption_looks.numbers(said, data, SETTINGS["canvas"])
        row[f"{split}_images"] = len(said.texts)
        if split == "validation":
            found = {"validation_exact_match": found["exact_match"]}
        row |= found
    return row


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    parts = prepared(output, arguments.images)
    for seed in arguments.seeds:
        for attention in arguments.attention:
            key = {
                "attention": attention,
                "seed": seed,
                "images": arguments.images,
                "epochs": arguments.epochs,
            }
            found = {"settings": SETTINGS, "rows": []}
            if path.exists():
                found = json.loads(path.read_text())
            if found["settings"] != SETTINGS:
                raise ValueError(
                    f"{path} has rows of other settings. Choose another "
                    "--output."
                )
            if any(key.items() <= row.items() for row in found["rows"]):
                continue
            start = time.process_time()
            model = trained(parts, attention, seed, arguments.epochs)
            seconds = time.process_time() - start
            row = {**key, **measured(model, parts)}
            row["processor_seconds"] = seconds
            print(json.dumps(row, indent=1), flush=True)
            found["rows"].append(row)
            write_text(path, json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
