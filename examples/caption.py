"""Show, Attend and Tell on digits among clutter: what is where, and seen where.

    python examples/caption.py            # one digit; 4 minutes of one core
    python examples/caption.py --digits 2 # two of them
    python examples/caption.py --no-articles
    python examples/caption.py --fast     # a look, in seconds

A small VGG16_bn reads the image at 12 x 12 positions, an LSTM that attends to
them says "a three at the top left". Test images are of digits that no training
image shows. A caption is right if it says, word for word, what is there and in
which ninth of the image. *On the digit* is the share of the attention of the
word that names a digit inside the box of that digit, *lift* is that share by
what a uniform map has there.

To say "an" the network must have seen the eight: it looks one word before it
names the digit, and nothing makes it look again. With `--no-articles` captions
are "three at the top left", and the word that names the digit has to look.

Flickr8k and COCO: examples/caption_photographs.py.

Writes results.json, config.json, vocabulary.json, model.keras, captions.png and
caption.gif to the output folder.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import keras
import numpy as np

from keras_attention import VGG16BN
from keras_attention import datasets
from keras_attention import losses
from keras_attention import metrics
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
DIGITS = (
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)


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


def train(model, data, validation, arguments):
    """By plain `fit`, the rate falling along a cosine."""
    batches = captioning.CaptionBatches(
        data["image"],
        data["captions"],
        model,
        SETTINGS["batch_size"],
        seed=arguments["seed"],
    )
    rate = keras.optimizers.schedules.CosineDecay(
        SETTINGS["learning_rate"], arguments["epochs"] * len(batches)
    )
    model.compile(
        keras.optimizers.AdamW(
            rate, weight_decay=SETTINGS["weight_decay"], global_clipnorm=5.0
        ),
        losses.CaptionCrossentropy(),
    )
    held_out = captioning.CaptionBatches(
        validation["image"], validation["captions"], model, 100
    )
    model.fit(
        batches, validation_data=held_out, epochs=arguments["epochs"], verbose=2
    )


def naming(texts, data):
    """`(image, word, digit)` of every word that names a digit that is there.

    A caption names the digits in reading order, as the boxes are.
    """
    found = []
    for image, text in enumerate(texts):
        words = text.split()
        places = [i for i, word in enumerate(words) if word in DIGITS]
        for number, place in enumerate(places[: len(data["labels"][image])]):
            if words[place] == DIGITS[data["labels"][image][number]]:
                found.append((image, place, number))
    return np.array(found).reshape(-1, 3)


def masks_of(boxes, size):
    """`(count, size, size)`, 1 inside boxes in shares of the image."""
    edges = np.rint(boxes * size).astype(int)
    masks = np.zeros((len(edges), size, size))
    for mask, (top, left, bottom, right) in zip(masks, edges, strict=True):
        mask[top:bottom, left:right] = 1
    return masks


def numbers(said, data):
    """How right the captions are, and where the naming words look."""
    references = [[caption] for caption in data["captions"]]
    found = metrics.caption_scores(said.texts, references)
    image, word, digit = naming(said.texts, data).T
    found["digits_named"] = len(image) / data["labels"].size
    if not len(image):  # too little training: there is nothing to measure
        return found
    maps = said.attention.mean(1)  # over heads
    masks = masks_of(data["boxes"][image, digit], SETTINGS["canvas"])
    energy = metrics.attention_energy(maps[image, word], masks)
    area = metrics.area_share(masks)
    found["on_digit"] = float(energy.mean())
    if word.min():  # behind an article
        energy = metrics.attention_energy(maps[image, word - 1], masks)
        found["on_digit_article"] = float(energy.mean())
    found["uniform"] = float(area.mean())
    found["centre"] = float(metrics.centre_energy(masks).mean())
    found["lift"] = found["on_digit"] / found["uniform"]
    return found


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.pop("output"))
    output.mkdir(parents=True, exist_ok=True)
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
    train(model, parts["train"], parts["validation"], arguments)
    seconds = time.process_time() - start

    test, rows = parts["test"], []
    for beam_size in (1, SETTINGS["beam_size"]):
        said = captioning.generate(model, test["image"], beam_size)
        rows.append({"beam_size": beam_size, **numbers(said, test)})
        print(json.dumps(rows[-1], indent=1))
    shared = {
        "parameters": model.count_params(),
        "processor_seconds": seconds,
        "test_images": len(test["image"]),
    }
    write(output / "results.json", {"rows": [{**r, **shared} for r in rows]})
    write(
        output / "config.json", {"arguments": arguments, "settings": SETTINGS}
    )
    vocabulary.save(output / "vocabulary.json")
    model.save(output / "model.keras")
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


def write(path, content):
    write_text(path, json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
