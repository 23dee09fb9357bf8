"""Does attention that is told where to look help the melanoma network?

    python examples/masks.py                          # digits among clutter
    python examples/masks.py --table lesions.csv --images photos \\
        --image isic_id --label diagnosis --mask {id}_segmentation.png \\
        --masks masks --group patient --size 224 --width 1

Trains the network of "Melanoma Recognition via Visual Attention" from a table
of images with masks twice, on the same images in the same order: with the
classification loss alone (*plain*), and with the Dice of its two maps against
the masks beside it (*masks*), weighted 0.001 and 0.01 as in the paper. Without
a table one is written first, of the embedded digits: what such a table looks
like.

Writes results.json and config.json to the output folder.
"""

import argparse
import csv
import json
import pathlib
import statistics
import sys

import keras
import numpy as np
import sources
import train
from PIL import Image

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import compare
from keras_attention import datasets
from keras_attention import losses
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text

LOSS_WEIGHTS = {"plain": [1, 0, 0], "masks": [1, 0.001, 0.01]}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--table", help="CSV file; default: one of digits is written")
    for name, what in (
        ("images", "folder of the images"),
        ("image", "column with their names"),
        ("label", "column with their classes"),
        ("mask", "column or pattern of the masks' names"),
        ("masks", "folder of the masks"),
        ("group", "column of what stays together"),
    ):
        add(f"--{name}", help=what)
    add("--digits", type=int, default=7000, help="without a table, how many")
    add("--size", type=int, default=56, help="height and width")
    add("--width", type=float, default=0.125, help="of VGG16's channels")
    add("--epochs", type=int, default=8, help="of each network")
    add("--seeds", type=int, default=1, help="repetitions")
    add("--output", default="runs/masks", help="folder for results")
    arguments = vars(parser.parse_args())
    for name in ("digits", "size", "epochs", "seeds"):
        positive_int(name, arguments[name])
    return arguments


def read(arguments, output):
    """`train, validation, test` of the table, `Examples` with masks."""
    options = {"size": arguments["size"], "layout": "pad"}
    if arguments["table"] is not None:
        columns = ("images", "image", "label", "mask", "masks", "group")
        named = {name: arguments[name] for name in columns if arguments[name]}
        whole = datasets.from_table(arguments["table"], **named, **options)
        return datasets.split(whole)
    settings = datasets.DigitsSettings(
        canvas=arguments["size"],
        fragments=sources.FRAGMENTS,
        train=arguments["digits"],
        # A look at few digits ends with few.
        validation=min(500, arguments["digits"]),
        test=min(sources.TEST_IMAGES, arguments["digits"]),
    )
    parts = []
    for split in ("train", "validation", "test"):
        folder = output / "digits" / split
        write_digits(folder, datasets.generate(settings, split))
        parts.append(
            datasets.from_table(
                folder / "digits.csv",
                images=folder,
                image="image",
                label="digit",
                class_names=[str(digit) for digit in range(10)],
                mask="{id}_mask.png",
                channels=1,
                **options,
            )
        )
    return parts


def write_digits(folder, elements):
    """A table, its images and their masks, as people have them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["image", "digit"]]
    for index, element in enumerate(elements):
        name = f"{index:05}"
        for suffix, pixels in (
            ("", element["image"]),
            ("_mask", 255 * element["mask"]),
        ):
            picture = Image.fromarray(np.squeeze(pixels))
            picture.save(folder / f"{name}{suffix}.png")
        rows.append([name, element["label"]])
    with (folder / "digits.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def trained(name, parts, arguments, seed):
    """The network, trained; it gives its answers alone."""
    keras.utils.set_random_seed(seed)
    examples = parts[0]
    model = MelanomaAttentionVGG16BN(
        examples.image_shape,
        examples.classes,
        width_multiplier=arguments["width"],
        return_attention_scores=True,
    )
    data = datasets.batches(
        examples, seed=seed, targets=["label", "mask", "mask"]
    )
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        arguments["epochs"] * len(data),
        warmup_target=train.RECIPE["learning_rate"],
        warmup_steps=len(data),
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4),
        [
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            losses.AttentionDice(),
            losses.AttentionDice(),
        ],
        loss_weights=LOSS_WEIGHTS[name],
    )
    model.fit(data, epochs=arguments["epochs"], verbose=2)
    return keras.Model(model.inputs, model.outputs[0])


def main():
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        output.mkdir(parents=True, exist_ok=True)
        parts = read(arguments, output)
    except (ValueError, OSError) as error:
        print(f"masks.py: error: {error}", file=sys.stderr)
        return 2
    test = datasets.batches(parts[2], supervised=False)
    rows = []
    for seed in range(arguments["seeds"]):
        models = {}
        for name in LOSS_WEIGHTS:
            print(f"\n{name}, seed {seed}", flush=True)
            models[name] = trained(name, parts, arguments, seed)
        table = compare(models, test)
        print(f"\n{table}", flush=True)
        rows += [{**row, "seed": seed} for row in table.rows]
        results = {"rows": rows, "environment": table.environment}
        write_text(
            output / "results.json", f"{json.dumps(results, indent=2)}\n"
        )
    settings = {"arguments": arguments, "loss_weights": LOSS_WEIGHTS}
    write_text(output / "config.json", f"{json.dumps(settings, indent=2)}\n")
    for name in LOSS_WEIGHTS:
        mine = [row for row in rows if row["model"] == name]
        accuracy = [row["accuracy"] for row in mine]
        energy = [max(row["attention"].values()) for row in mine]
        print(
            f"{name}: accuracy {statistics.mean(accuracy):.1%} "
            f"({min(accuracy):.1%} to {max(accuracy):.1%}), on the object "
            f"{statistics.mean(energy):.1%} over {len(mine)} seeds"
        )
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
