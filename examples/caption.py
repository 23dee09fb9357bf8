"""Show, Attend and Tell on digits among clutter: what is where, and seen where.

    python examples/caption.py            # one digit; 3 minutes of one core
    python examples/caption.py --seeds 0 1 2
    python examples/caption.py --digits 2 # two of them
    python examples/caption.py --no-articles
    python examples/caption.py --attention soft hard uniform
    python examples/caption.py --fast     # a look, in seconds

A small VGG16_bn reads the image at 12 x 12 positions, an LSTM that attends to
them says "a three at the top left". Test images are of digits that no training
image shows. A caption is right if it says, word for word, what is there and in
which ninth of the image.

What the decoder reads is normalized. Behind a ReLU features are positive, and
what differs between images is small beside what they share: the digit stays a
guess for epochs, for how many depends on the seed. `--no-normalized` shows it.

To say "an" the network must have seen the eight: it may look one word before it
names the digit, and nothing makes it look again. With `--no-articles` captions
are "three at the top left", and the word that names the digit has to look.

What a word sees, by `--attention`:

- *soft*: the weighted mean of all positions,
- *uniform*: their plain mean,
- *hard*: a single position. In training it is drawn, for half of the words, and
  its score learns by REINFORCE; in tests it is the one with the highest score.

The network learns along with the decoder, and finds ways to do without
attention; in examples/caption_attention.py it stays as it is. Flickr8k and
COCO: examples/caption_photographs.py.

A run adds its rows to results.json in the output folder, unless they are there
already, and writes vocabulary.json, model.keras, captions.png and caption.gif
of its last network.
"""

import argparse
import pathlib
import sys
import time

import caption_looks
import caption_recipe
import caption_rows
import keras
from caption_recipe import ALIGNMENTS
from caption_recipe import SETTINGS

from keras_attention import visualization
from keras_attention.internals.arguments import positive_int
from keras_attention.tasks import captioning


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
    add(
        "--normalized",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="features, for the decoder",
    )
    add("--images", type=int, default=14000, help="to train on")
    add("--epochs", type=int, default=10, help="passes over them")
    add(
        "--attention",
        nargs="+",
        choices=ALIGNMENTS,
        default=["soft"],
        help="what a word sees",
    )
    add(
        "--seeds", nargs="+", type=int, default=[0], help="of weights and order"
    )
    add("--fast", action="store_true", help="a look, in seconds")
    add("--output", default="runs/caption", help="folder for results")
    arguments = vars(parser.parse_args())
    if arguments.pop("fast"):
        arguments.update(images=64, epochs=1)
    for name in ("digits", "images", "epochs"):
        positive_int(name, arguments[name])
    return arguments


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


def learned(parts, arguments):
    """A model, trained, its rows of numbers and what it says."""
    keras.utils.set_random_seed(arguments["seed"])
    captions = parts["train"]["captions"]
    vocabulary = captioning.Vocabulary.from_captions(captions)
    length = max(len(caption.split()) for caption in captions) + 1
    alignment = ALIGNMENTS[arguments["attention"]](arguments["seed"])
    model = caption_recipe.build(
        vocabulary, length, alignment, arguments["normalized"]
    )
    start, wall = time.process_time(), time.perf_counter()
    caption_recipe.train(model, parts, arguments)
    spent = {
        "processor_seconds": time.process_time() - start,
        "seconds": time.perf_counter() - wall,
        "backend": keras.backend.backend(),
        "device": caption_recipe.device(),
    }
    rows, said = measured(model, parts, arguments["articles"])
    return model, [{**arguments, **row, **spent} for row in rows], said


def written(output, model, parts, said):
    """The model and its words, and figures of the first test images."""
    model.vocabulary.save(output / "vocabulary.json")
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


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.pop("output"))
    output.mkdir(parents=True, exist_ok=True)
    results = output / "results.json"
    seeds, kinds = arguments.pop("seeds"), arguments.pop("attention")
    wanted = [
        {**arguments, "attention": kind, "seed": seed}
        for kind in kinds
        for seed in seeds
    ]
    wanted = caption_rows.missing(results, SETTINGS, wanted)
    if not wanted:
        print(f"{results} has these rows")
        return 0
    parts = caption_recipe.generated(arguments)
    for run in wanted:
        model, rows, said = learned(parts, run)
        caption_rows.add(results, SETTINGS, rows)
        written(output, model, parts, said)
    print(f"Written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
