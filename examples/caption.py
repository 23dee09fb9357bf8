"""Show, Attend and Tell on digits among clutter: what is where, and seen where.

    python examples/caption.py            # one digit; 4 minutes of one core
    python examples/caption.py --digits 2 # two of them
    python examples/caption.py --no-articles
    python examples/caption.py --fast     # a look, in seconds

A small VGG16_bn reads the image at 12 x 12 positions, an LSTM that attends to
them says "a three at the top left". Test images are of digits that no training
image shows. A caption is right if it says, word for word, what is there and in
which ninth of the image.

To say "an" the network must have seen the eight: it may look one word before it
names the digit, and nothing makes it look again. With `--no-articles` captions
are "three at the top left", and the word that names the digit has to look.

Flickr8k and COCO: examples/caption_photographs.py. Hard attention and none:
examples/caption_attention.py.

A run adds its rows to results.json in the output folder, unless they are there
already, and writes vocabulary.json, model.keras, captions.png and caption.gif.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import caption_looks
import keras
import numpy as np

from keras_attention import VGG16BN
from keras_attention import datasets
from keras_attention import losses
from keras_attention import visualization
from keras_attention.features import PositionEmbedding2D
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.tasks import captioning

SETTINGS = {
    "canvas": 48,
    "layer": "block3_relu3",
    "width_multiplier": 0.125,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "weight_decay": 0.02,
    "beam_size": 3,
    "decoder": {
        "embedding_dim": 32,
        "units": 128,
        "key_dim": 64,
        "dropout": 0.2,
        "attention_weight": 0.0,
    },
}
# What makes runs others, whose rows are then apart.
KEY = ("articles", "digits", "images", "epochs", "seed")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--digits", type=int, default=1, help="on an image")
    add(
        "--articles",
        action=argparse.BooleanOptionalAction,
        default=True,
        help='"a three", as in the data set, or "three"',
    )
    add("--images", type=int, default=14000, help="to train on")
    add("--epochs", type=int, default=10, help="passes over them")
    add("--seed", type=int, default=0, help="of weights and order")
    add("--fast", action="store_true", help="a look, in seconds")
    add("--output", default="runs/caption", help="folder for results")
    arguments = vars(parser.parse_args())
    if arguments.pop("fast"):
        arguments.update(images=64, epochs=1)
    for name in ("digits", "images", "epochs"):
        positive_int(name, arguments[name])
    return arguments


def digits(arguments, split, count):
    """Images, captions and what is where, as arrays."""
    settings = datasets.DigitsSettings(
        canvas=SETTINGS["canvas"],
        digits=arguments["digits"],
        **{split: count},
    )
    examples = list(datasets.generate(settings, split))
    found = {
        name: np.stack([example[name] for example in examples])
        for name in ("image", "labels", "boxes")
    }
    found["image"] = found["image"].astype("float32") / 255
    found["captions"] = [example["caption"] for example in examples]
    if not arguments["articles"]:
        found["captions"] = [
            re.sub(r"\ban? ", "", caption) for caption in found["captions"]
        ]
    return found


def build(vocabulary, length):
    """A captioning model on a small VGG16_bn that knows where a position is."""
    size, layer = SETTINGS["canvas"], SETTINGS["layer"]
    network = VGG16BN(
        include_top=False,
        input_shape=(size, size, 1),
        width_multiplier=SETTINGS["width_multiplier"],
    )
    output = PositionEmbedding2D()(network.get_layer(layer).output)
    encoder = keras.Model(network.input, output, name="encoder")
    return captioning.CaptioningModel(
        encoder, vocabulary, length, **SETTINGS["decoder"]
    )


def train(model, parts, arguments, settings, learner):
    """By plain `fit`, the rate falling along a cosine.

    Args:
        model: `CaptioningModel`.
        parts: dict of split to data, as `digits` makes them.
        arguments: dict with `seed` and `epochs`.
        settings: dict, as `SETTINGS`.
        learner: `keras.Model` of the same layers that learns: the model, or a
            `ReinforceModel` of it.
    """
    data, validation = parts["train"], parts["validation"]
    batches = captioning.CaptionBatches(
        data["image"],
        data["captions"],
        model,
        settings["batch_size"],
        seed=arguments["seed"],
    )
    rate = keras.optimizers.schedules.CosineDecay(
        settings["learning_rate"], arguments["epochs"] * len(batches)
    )
    learner.compile(
        keras.optimizers.AdamW(
            rate, weight_decay=settings["weight_decay"], global_clipnorm=5.0
        ),
        losses.CaptionCrossentropy(),
    )
    held_out = captioning.CaptionBatches(
        validation["image"], validation["captions"], model, 100
    )
    learner.fit(
        batches, validation_data=held_out, epochs=arguments["epochs"], verbose=2
    )


def measured(model, parts, articles):
    """Rows of numbers, one a size of the beam, and the last captions."""
    test, validation = parts["test"], parts["validation"]
    shared = {
        "parameters": model.count_params(),
        "test_images": len(test["image"]),
        # What settings are chosen by.
        "validation_exact_match": caption_looks.exact(model, validation),
    }
    words = ("article", "name") if articles else ("name",)
    for blind in (None, *range(len(words))):
        name = "named" if blind is None else f"named_without_{words[blind]}"
        shared[name] = caption_looks.named_without(model, test, blind)
    rows = []
    for beam_size in (1, SETTINGS["beam_size"]):
        said = captioning.generate(model, test["image"], beam_size)
        scores = caption_looks.numbers(said, test, SETTINGS["canvas"])
        rows.append({"beam_size": beam_size, **scores, **shared})
    return rows, said


def opened(path, row):
    """The results so far, or `None` if those of this run are among them."""
    if not path.exists():
        return {"settings": SETTINGS, "rows": []}
    found = json.loads(path.read_text())
    if found["settings"] != SETTINGS:
        raise ValueError(
            f"{path} holds runs with other settings. Choose another --output."
        )
    known = [{name: other[name] for name in KEY} for other in found["rows"]]
    return None if row in known else found


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.pop("output"))
    output.mkdir(parents=True, exist_ok=True)
    results = output / "results.json"
    if opened(results, arguments) is None:
        print(f"{results} has these rows")
        return 0
    keras.utils.set_random_seed(arguments["seed"])
    few = max(arguments["images"] // 7, 8)
    parts = {
        split: digits(arguments, split, count)
        for split, count in (
            ("train", arguments["images"]),
            ("validation", few // 2),
            ("test", few),
        )
    }
    captions = parts["train"]["captions"]
    vocabulary = captioning.Vocabulary.from_captions(captions)
    length = max(len(caption.split()) for caption in captions) + 1
    model = build(vocabulary, length)
    start = time.process_time()
    train(model, parts, arguments, SETTINGS, model)
    seconds = time.process_time() - start
    rows, said = measured(model, parts, arguments["articles"])
    rows = [{**arguments, **row, "processor_seconds": seconds} for row in rows]
    print(json.dumps(rows, indent=1))
    found = opened(results, arguments)  # another run may have added to it
    found["rows"] += rows
    write_text(results, json.dumps(found, indent=1) + "\n")
    vocabulary.save(output / "vocabulary.json")
    model.save(output / "model.keras")
    test = parts["test"]
    # The captions of the widest beam, without a choice: the first images.
    figure = visualization.plot_caption_attention(
        test["image"], said, outlines=test["boxes"]
    )
    figure.savefig(output / "captions.png", dpi=90)
    visualization.caption_animation(test["image"], said).save(
        output / "caption.gif"
    )
    print(f"Written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
