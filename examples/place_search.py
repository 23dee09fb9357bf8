"""Which attention at which depth of a pretrained network? A search on its maps.

    python examples/place_search.py --data FOLDER    # of the .npz files
    python examples/place_search.py --fast           # a look: digits

A frozen EfficientNet-Lite0 (ImageNet) looks at every photograph of groceries
once, as in place.py. The base of the search is a head on its maps at five
depths: each map is standardised and pooled evenly, and a linear classifier
takes all vectors together. At every depth a trial draws attention pooling
instead, attention behind the map, or nothing, with some of their arguments,
and how to train the head.

Two heads are what the winner has to be better than: the base as it is, and the
base with a learned 1x1 convolution before each pooling, which learns at least
as much and looks everywhere alike. Theirs is a search of their own, over how to
train them. All is chosen on validation images; test images are answered once,
by the three heads, each trained again on fresh seeds.

The same command goes on where it was stopped. Writes results.json, config.json,
leaderboard.csv and place_search.png to the output folder.
"""

import argparse
import json
import pathlib
import statistics
import sys

import keras
import keras_tuner
import numpy as np
import place
import place_search_figure

from keras_attention import tuning
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.training import cached_features

MECHANISMS = ["attn_pool", "se", "cbam_spatial"]
TRAINING = {
    "optimizer": "adamw",
    "learning_rate": (1e-3, 2e-2),
    "weight_decay": [0.01, 0.3],
    "schedule": "cosine",
    "warm_up": 0.0,
}
LAYERS = {
    "alignment": ["softmax", "sparsemax"],
    "num_heads": [1, 4],
    "key_dim": [16, 32],
    "reduction_ratio": [16, 4],
    "kernel_size": [3, 5],
}
BATCH_SIZE = 64
CONTROL_CHANNELS = 128  # of the 1x1 convolutions, as in place.py
# Of the search and of each of the two beside it.
SETTINGS = {
    "data": "groceries",
    "size": 160,
    "places": place.PLACES,
    "epochs": 12,
    "trials": 34,
    "control_trials": 6,
    "seeds": (101, 102, 103, 104, 105),
}
FAST = {
    "data": "digits",
    "size": 64,
    "places": place.PLACES[2::2],
    "epochs": 1,
    "trials": 2,
    "control_trials": 1,
    "seeds": (101,),
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="../shared/data", help="folder of the .npz files")
    add("--trials", type=int, default=SETTINGS["trials"], help="of the search")
    add("--fast", action="store_true", help="a look: digits, random weights")
    add("--output", default="runs/place_search", help="for what is written")
    arguments = vars(parser.parse_args())
    positive_int("trials", arguments["trials"])
    settings = {**SETTINGS, "trials": arguments["trials"]}
    return arguments, FAST if arguments["fast"] else settings


def read(settings, arguments):
    """`(maps by place, labels)` of the three parts, and the classes."""
    source = {**place.DATA.get(settings["data"], {}), "size": settings["size"]}
    parts = place.read(settings["data"], source, arguments)[:3]
    weights = None if arguments["fast"] else "imagenet"
    network = place.network(settings["size"], settings["places"], weights)
    data = []
    for part in parts:
        maps = cached_features(network, part, dtype="float16")
        maps = {name: np.array(m, "float32") for name, m in maps.items()}
        data.append((maps, part.labels))
    return data, parts[0].classes


def head(maps, classes, convolved=False):
    """All maps pooled evenly and a linear classifier.

    Args:
        maps: dict of place to the maps to train on, which set the scale.
        classes: int.
        convolved: bool, whether 1x1 convolutions come first. Defaults to
            `False`.
    """
    keras.utils.set_random_seed(0)
    inputs, pooled = {}, []
    for name, values in maps.items():
        inputs[name] = keras.Input(values.shape[1:], name=name)
        x = keras.layers.Normalization(
            mean=values.mean((0, 1, 2)),
            variance=values.var((0, 1, 2)) + 1e-6,
            name=place_of(name),
        )(inputs[name])
        if convolved:
            x = keras.layers.Conv2D(CONTROL_CHANNELS, 1, activation="relu")(x)
        pooled.append(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Concatenate()(pooled)
    outputs = keras.layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def place_of(name):
    """`block10_add` to `block10`: the inputs have the names of the maps."""
    return name.split("_")[0]


def searched(data, classes, settings, output, *, convolved, attention):
    """One search; without attention only how to train is drawn.

    Returns:
        `(SearchResult, hypermodel)`.
    """
    train, validation, _ = data
    hypermodel = tuning.AttentionHyperModel(
        base=head(train[0], classes, convolved),
        mechanisms=MECHANISMS,
        places=list(map(place_of, settings["places"])),
        choices={**TRAINING, **LAYERS},
        epochs=settings["epochs"],
        batch_size=BATCH_SIZE,
    )
    options = {}
    if not attention:
        # What is not among these keeps its default: no attention.
        drawn = keras_tuner.HyperParameters()
        low, high = TRAINING["learning_rate"]
        drawn.Float("adamw_learning_rate", low, high, sampling="log")
        drawn.Choice("weight_decay", TRAINING["weight_decay"])
        options = {"hyperparameters": drawn, "tune_new_entries": False}
    result = tuning.search(
        hypermodel,
        train,
        validation,
        max_trials=settings["trials" if attention else "control_trials"],
        directory=output,
        **options,
    )
    return result, hypermodel


def tested(name, result, hypermodel, data, seeds):
    """The winner of a search, trained again; a row of the table."""
    train, validation, test = data
    fresh = result.retrain(
        hypermodel=hypermodel,
        train=train,
        validation=validation,
        test=test,
        seeds=seeds,
    )
    winner = result.winner()
    row = {
        "network": name,
        "values": winner.values,
        "trials": len(result.trials),
        "searched": winner.score,
        "val_accuracy": [row["val_accuracy"] for row in fresh.rows],
        "test_accuracy": fresh.values,
    }
    print(
        f"{name}: {winner.score:.3f} of the validation images in the search, "
        f"{statistics.mean(row['val_accuracy']):.3f} on fresh seeds; "
        f"{statistics.mean(row['test_accuracy']):.3f} of the test images",
        flush=True,
    )
    return row


def main():
    try:
        arguments, settings = parse_arguments()
        output = pathlib.Path(arguments["output"])
        data, classes = read(settings, arguments)
        output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"place_search.py: error: {error}", file=sys.stderr)
        return 2
    kinds = {
        "winner": {"convolved": False, "attention": True},
        "uniform": {"convolved": False, "attention": False},
        "1x1, uniform": {"convolved": True, "attention": False},
    }
    found = {
        name: searched(data, classes, settings, output / folder, **kind)
        for (name, kind), folder in zip(
            kinds.items(), ("search", "uniform", "control"), strict=True
        )
    }
    done = [trial for result, _ in found.values() for trial in result.finished]
    # Not by the clock: the search may go on after a pause.
    seconds = sum(trial.metrics["seconds"] for trial in done)
    print(f"{len(done)} trials, {seconds:.0f} s of training", flush=True)
    rows = [
        tested(name, *pair, data, list(settings["seeds"]))
        for name, pair in found.items()
    ]
    result = found["winner"][0]
    text = json.dumps(
        {
            "images": [len(labels) for _, labels in data],
            "networks": rows,
            "trials": len(done),
            "training_seconds": seconds,
        },
        indent=1,
    )
    write_text(output / "results.json", f"{text}\n")
    config = {
        **settings,
        "training": TRAINING,
        "layers": LAYERS,
        "mechanisms": MECHANISMS,
        "batch_size": BATCH_SIZE,
        "control_channels": CONTROL_CHANNELS,
    }
    write_text(output / "config.json", json.dumps(config, indent=1) + "\n")
    write_text(output / "leaderboard.csv", result.table("csv"))
    figure = place_search_figure.draw(
        [(trial.values, trial.score) for trial in result.finished],
        list(map(place_of, settings["places"])),
        MECHANISMS,
        rows,
    )
    figure.savefig(output / "place_search.png", dpi=120)
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
