"""Captions with soft, hard and no attention to a network that stays as it is.

    python examples/caption_attention.py               # 11 to 17 minutes
    python examples/caption_attention.py --seeds 0 1 2 # as committed
    python examples/caption_attention.py --fast        # a look, in seconds

As in Show, Attend and Tell, the network has learned to say what is on an image,
and does not change. It is the small VGG16_bn of caption.py, which names the
digit from the plain mean of all positions. On its maps decoders learn from
nothing, with all but the attention the same:

*soft*, *uniform* and *hard* are those of caption.py, *straight-through* is as
*hard*, with a softmax's gradient.

So *what* is in the mean of all positions, since the network was trained for
that, and *where* has to be looked for. One position knows where it is from a
table that is learned; it begins as large as the normalized features, since hard
attention learns little from numbers that are lost beside them.

Adds its rows to results.json in the output folder, unless they are there, and
draws the first images and words of each attention.
"""

import argparse
import pathlib
import sys
import time

import caption_looks
import caption_recipe
import caption_rows
import keras

from keras_attention import alignments
from keras_attention import visualization
from keras_attention.features import PositionEmbedding2D
from keras_attention.internals.arguments import positive_int
from keras_attention.tasks import captioning

SETTINGS = {
    **caption_recipe.SETTINGS,
    "position_stddev": 1.0,
    # ReinforceModel's own, where caption.py has that of the paper's code.
    "reinforce": {"reinforce_weight": 1.0, "entropy_weight": 0.002},
}
ALIGNMENTS = {
    **caption_recipe.ALIGNMENTS,
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
        default=["soft", "uniform", "hard"],
        help="of the decoders",
    )
    add(
        "--seeds", nargs="+", type=int, default=[0], help="of weights and order"
    )
    add("--images", type=int, default=14000, help="to train on")
    add("--network-epochs", type=int, default=6, help="of the network")
    add("--epochs", type=int, default=16, help="of a decoder")
    add("--fast", action="store_true", help="a look, in seconds")
    add("--output", default="runs/caption_attention", help="folder for results")
    arguments = vars(parser.parse_args())
    if arguments.pop("fast"):
        arguments.update(images=64, network_epochs=1, epochs=1)
    for name in ("images", "network_epochs", "epochs"):
        positive_int(name, arguments[name])
    return arguments


def network(parts, epochs, seed):
    """A network that has learned to name the digit, and its test accuracy."""
    keras.utils.set_random_seed(seed)
    encoder = caption_recipe.encoder()
    pooled = keras.layers.GlobalAveragePooling2D()(encoder.output)
    model = keras.Model(encoder.input, keras.layers.Dense(10)(pooled))
    pairs = {
        split: (data["image"], data["labels"][:, 0])
        for split, data in parts.items()
    }
    batch_size = SETTINGS["batch_size"]
    steps = -(-len(pairs["train"][0]) // batch_size)
    model.compile(
        caption_recipe.optimizer(epochs * steps, SETTINGS),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        *pairs["train"],
        batch_size=batch_size,
        epochs=epochs,
        validation_data=pairs["validation"],
        verbose=2,
    )
    found = model.evaluate(*pairs["test"], return_dict=True, verbose=0)
    return encoder, found["accuracy"]


def decoded(parts, attention, seed, epochs):
    """A model that says captions of maps, trained from nothing."""
    keras.utils.set_random_seed(seed)
    captions = parts["train"]["captions"]
    maps = keras.Input(parts["train"]["image"].shape[1:])
    features = keras.layers.BatchNormalization(name="features")(maps)
    features = PositionEmbedding2D(
        initializer=keras.initializers.RandomNormal(
            stddev=SETTINGS["position_stddev"], seed=seed
        )
    )(features)
    model = captioning.CaptioningModel(
        keras.Model(maps, features, name="encoder"),
        captioning.Vocabulary.from_captions(captions),
        max(len(words.split()) for words in captions) + 1,
        alignment=ALIGNMENTS[attention](seed),
        **SETTINGS["decoder"],
    )
    arguments = {"attention": attention, "seed": seed, "epochs": epochs}
    caption_recipe.train(model, parts, arguments, SETTINGS)
    return model


def prepared(arguments, seed):
    """Splits with maps as images; test images; the network's accuracy."""
    parts = caption_recipe.generated(
        {**arguments, "digits": 1, "articles": True}
    )
    encoder, accuracy = network(parts, arguments["network_epochs"], seed)
    pixels = parts["test"]["image"]
    for data in parts.values():
        data["image"] = encoder.predict(data["image"], verbose=0)
    return parts, pixels, accuracy


def learned(parts, run):
    """A row of numbers, and the greedy captions of the test images."""
    start = time.process_time()
    model = decoded(parts, run["attention"], run["seed"], run["epochs"])
    spent = {
        "processor_seconds": time.process_time() - start,
        "backend": keras.backend.backend(),
        "device": caption_recipe.device(),
    }
    data = parts["test"]
    said = captioning.generate(model, data["image"], batch_size=100)
    row = {
        **run,
        "test_images": len(said.texts),
        # What settings are chosen by.
        "validation_exact_match": caption_looks.exact(
            model, parts["validation"]
        ),
        **caption_looks.numbers(said, data, SETTINGS["canvas"]),
        **spent,
    }
    return row, said


def main():
    arguments = parse_arguments()
    output = pathlib.Path(arguments.pop("output"))
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    kinds, seeds = arguments.pop("attention"), arguments.pop("seeds")
    for seed in seeds:
        runs = [{"attention": x, "seed": seed, **arguments} for x in kinds]
        runs = caption_rows.missing(path, SETTINGS, runs)
        if not runs:
            print(f"{path} has the rows of seed {seed}")
            continue
        parts, pixels, accuracy = prepared(arguments, seed)
        for run in runs:
            row, said = learned(parts, run)
            row["network_accuracy"] = accuracy
            caption_rows.add(path, SETTINGS, [row])
            figure = visualization.plot_caption_attention(
                pixels, said, outlines=parts["test"]["boxes"]
            )
            figure.savefig(output / f"{run['attention']}_{seed}.png", dpi=90)
    return 0


if __name__ == "__main__":
    sys.exit(main())
