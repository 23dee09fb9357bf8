"""One image, every score and every alignment, as pictures.

    python examples/axes.py
    python examples/axes.py --epochs 1 --images 512   # a look at the pages

Trains a small VGG with attention pooling on digits among clutter. Then its
features are frozen, and small heads learn to read them: one for every score
(with softmax), and one for every alignment (with the additive score), all on
the same images in the same order. Writes to the output folder:

- walk.png and walk.svg: a test image on its way through the network;
- alignments.png: what every alignment makes of the trained network's scores;
- axes.png: all scores down, all alignments across, on that image; a place is
  empty where the two cannot work together;
- temperature.gif: softmax from hot to cold;
- axes.json: the accuracy of every head, its settings, and its versions.
"""

import argparse
import json
import pathlib
import sys

import keras
import numpy as np
import sources
import train

from keras_attention import VGG16BNAttention
from keras_attention import alignments
from keras_attention import scores
from keras_attention import visualization
from keras_attention.internals import arguments as checks
from keras_attention.internals.files import write_text
from keras_attention.layers import AttentionPooling2D

PLACE = "block3_relu3"
HEAD_EPOCHS = 6
KEY_DIM = 32


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--images", type=int, default=7000, help="to train on")
    add("--epochs", type=int, default=8, help="of the network")
    add("--seed", type=int, default=0, help="of weights and data")
    add("--image", type=int, default=0, help="which test image to show")
    add("--output", default="runs/axes", help="folder for what is written")
    arguments = vars(parser.parse_args())
    for name in ("images", "epochs"):
        checks.positive_int(name, arguments[name])
    checks.non_negative_int("image", arguments["image"])
    data = {"dataset": "cluttered_digits", "size": 56, "batch_size": 32}
    return {**arguments, **data}


def parts_by_axis():
    """Name of a head to its score and its alignment."""
    heads = {}
    for key in scores.available():
        heads[f"score_{key}"] = (key, "softmax")
    for key in alignments.available():
        # One that draws has no gradient without a model made for it.
        if works("additive", key) and not alignments.get(key).needs_reinforce:
            heads[f"alignment_{key}"] = ("additive", key)
    return heads


def works(score, alignment):
    """Whether a pair may be put into a layer."""
    positive = alignments.get(alignment).positive_scores
    return scores.get(score).positive_scores or not positive


def heads_on(features, classes):
    """A model with one small classifier a head, on maps of features."""
    inputs = keras.Input(features.shape[1:])
    pools, outputs = {}, {}
    for name, (score, alignment) in parts_by_axis().items():
        pools[name] = AttentionPooling2D(
            score, alignment, key_dim=KEY_DIM, name=name
        )
        dense = keras.layers.Dense(classes, name=f"{name}_logits")
        outputs[name] = dense(pools[name](inputs))
    return keras.Model(inputs, outputs), pools


def fit_heads(model, features, labels):
    """Trains all heads side by side; their losses do not meet."""
    model.compile(
        keras.optimizers.Adam(3e-3),
        dict.fromkeys(
            model.output, keras.losses.SparseCategoricalCrossentropy(True)
        ),
        metrics=dict.fromkeys(model.output, "accuracy"),
    )
    model.fit(
        features,
        dict.fromkeys(model.output, labels),
        batch_size=64,
        epochs=HEAD_EPOCHS,
        verbose=0,
    )


def accuracies(model, features, labels):
    """The share of right answers of every head."""
    answers = model.predict(features, batch_size=256, verbose=0)
    return {
        name: float(np.mean(answer.argmax(-1) == labels))
        for name, answer in answers.items()
    }


def arrays(batches):
    """`(images, labels)` of all batches."""
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in batches]
    return tuple(map(np.concatenate, zip(*pairs, strict=True)))


def page(image, features, pools):
    """All trained scores and all alignments, trained where they can be."""
    tokens = features.reshape(1, -1, features.shape[-1])
    maps, layers, queries = {}, {}, {}
    for name, pool in pools.items():
        axis, _, key = name.partition("_")
        query = keras.ops.expand_dims(pool.learned_query, 0)
        if axis == "score":
            found = keras.ops.convert_to_numpy(pool.score(query, tokens))
            maps[key] = found.reshape(features.shape[:2])
        else:
            layers[key] = pool.alignment
            queries[key] = keras.ops.convert_to_numpy(query)[0, 0]
    layers = {key: layers.get(key, key) for key in alignments.available()}
    return visualization.plot_pairs(maps, layers, image, queries)


def main():
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        splits = sources.load(arguments, train.RECIPE, arguments["seed"])
        output.mkdir(parents=True, exist_ok=True)
        (output / "axes.json").open("a").close()  # can it be written?
    except (ValueError, OSError) as error:
        print(f"axes.py: error: {error}", file=sys.stderr)
        return 2
    info = splits.info
    print(f"{info.name}: {info.sizes}", flush=True)
    keras.utils.set_random_seed(arguments["seed"])
    model = VGG16BNAttention(
        {PLACE: "attn_pool"},
        input_shape=info.image_shape,
        classes=info.classes,
        classifier_activation=None,
        width_multiplier=0.125,
    )
    train.fit(model, splits, arguments["epochs"], train.RECIPE)
    images, labels = arrays(splits.test)
    image = images[arguments["image"] % len(images)]

    walk = dict(class_names=info.class_names)
    figure = visualization.plot_walk(model, image, **walk)
    figure.savefig(output / "walk.png")
    figure = visualization.plot_walk(model, image, style="lecture", **walk)
    figure.savefig(output / "walk.svg")
    followed = visualization.follow(model, image)
    grid = followed.features.shape[:2]
    own = followed.scores[0, 0].reshape(grid)
    visualization.compare_alignments(own).savefig(output / "alignments.png")
    animation = visualization.temperature_animation(own)
    animation.save(output / "temperature.gif")

    backbone = keras.Model(model.inputs, model.get_layer(PLACE).output)
    known, known_labels = arrays(splits.train)
    known = backbone.predict(known, verbose=0)
    heads, pools = heads_on(known, info.classes)
    print(f"{len(pools)} heads on features {known.shape[1:]}", flush=True)
    fit_heads(heads, known, known_labels)
    features = backbone.predict(images, verbose=0)
    accuracy = accuracies(heads, features, labels)
    accuracy["the network itself"] = float(
        np.mean(model.predict(images, verbose=0).argmax(-1) == labels)
    )
    for name, value in sorted(accuracy.items(), key=lambda item: -item[1]):
        print(f"  {name:<32} {value:.1%}")

    place = arguments["image"] % len(images)
    figure = page(image, features[place], pools)
    figure.savefig(output / "axes.png", dpi=200)
    results = {
        "arguments": arguments,
        "head_epochs": HEAD_EPOCHS,
        "key_dim": KEY_DIM,
        "accuracy": accuracy,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    write_text(output / "axes.json", json.dumps(results, indent=2) + "\n")
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
