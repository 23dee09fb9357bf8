"""Does attention, put into a trained network, help it any further?

    python examples/attach.py                       # digits among clutter
    python examples/attach.py --network MobileNet --dataset grocery_128.npz
    python examples/attach.py --network MobileNetV2 --weights imagenet \\
        --dataset photos/ --size 224                # a folder of class folders

Trains a network, any of keras.applications or 1/8 of a VGG of this package.
Then goes on twice from there, on the same images in the same order: with the
network as it is (*longer*), and with attention attached that starts as the
identity (*attached*), so that before the first step both give the same
answers. What the second has more than the first is what attention brought.

Writes to the output folder: results.json (one row a network and seed),
config.json, report.txt (what was attached, what it costs, which weights are
new), the attached models, and attention.png.
"""

import argparse
import importlib
import json
import pathlib
import pkgutil
import statistics
import sys
import time

import keras
import numpy as np
import sources
import train

from keras_attention import attach
from keras_attention import attention_summary
from keras_attention import compare
from keras_attention import features
from keras_attention import visualization
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import save_model
from keras_attention.internals.files import write_text
from keras_attention.surgery import compare_weights

STAGES = ("before", "longer", "attached")
VGGS = [name for name in dir(features) if name.startswith("VGG")]
WIDTH = 0.125  # of a VGG's channels


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", default="cluttered_digits", help="as in train.py")
    add("--size", type=int, default=56, help="height and width of images")
    add("--images", type=int, help="images to train on: 7000 digits, or all")
    add("--network", default="VGG16BN", help="or one of keras.applications")
    add("--weights", help="imagenet, or none: random ones")
    add("--where", default="stage_ends", help="places, as attach names them")
    add("--attention", default="cbam", help="key of an attention layer")
    add("--epochs", type=int, nargs=2, default=[8, 4], help="first, then on")
    add("--seeds", type=int, default=1, help="repetitions")
    add("--output", default="runs/attach", help="folder for what is written")
    arguments = vars(parser.parse_args())
    for name in ("size", "seeds"):
        positive_int(name, arguments[name])
    for epochs in arguments["epochs"]:
        positive_int("epochs", epochs)
    positive_int("images", arguments["images"], optional=True)
    return {**arguments, "batch_size": 32}


def application(name):
    """The module of keras.applications that a network comes from."""
    found = {}
    for entry in pkgutil.iter_modules(keras.applications.__path__):
        module = importlib.import_module(f"keras.applications.{entry.name}")
        for key, value in vars(module).items():
            if callable(value) and key[0].isupper():
                found[key] = module
    if name not in found:
        raise ValueError(
            f"Unknown network {name!r}. keras.applications has "
            f"{', '.join(sorted(found))}; this package has {', '.join(VGGS)}."
        )
    return found[name]


def build(arguments, info):
    """A classifier on a network that is trained elsewhere or here."""
    name, options = arguments["network"], {"weights": arguments["weights"]}
    inputs = x = keras.Input(info.image_shape)
    if name in VGGS:
        options.update(width_multiplier=WIDTH, input_shape=info.image_shape)
        backbone = getattr(features, name)(include_top=False, **options)
    else:
        module = application(name)
        # From 0..1 to 0..255, in colour, and on to what the network expects.
        x = keras.layers.Rescaling(255.0, name="to_255")(x)
        if info.image_shape[2] == 1:
            x = keras.layers.Concatenate(name="to_rgb")([x] * 3)
        x = module.preprocess_input(x)
        options["input_shape"] = (*info.image_shape[:2], 3)
        network = getattr(keras.applications, name)
        backbone = network(include_top=False, **options)
        if arguments["weights"] is None:
            follow_quickly(backbone)
    x = backbone(x)
    x = keras.layers.GlobalAveragePooling2D(name="global_pool")(x)
    outputs = keras.layers.Dense(info.classes, name="logits")(x)
    return keras.Model(inputs, outputs, name=name.lower())


def follow_quickly(network):
    """Lets batch normalisation forget faster than Keras' 0.99 or 0.999.

    In a short training from random weights the moving statistics otherwise
    stay behind the weights, and validation at chance.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9


def report(before, attached):
    """What was attached, what it costs, and which weights are new."""
    weights = compare_weights(before, attached)
    return (
        f"{attention_summary(attached)}\n\n"
        f"{len(weights.kept)} weights kept ({weights.count(weights.kept):,} "
        f"parameters), {len(weights.new)} new "
        f"({weights.count(weights.new):,}), {len(weights.missing)} missing\n"
    )


def difference(first, second, images):
    """The largest difference of two models' answers."""
    answers = [model.predict(images, verbose=0) for model in (first, second)]
    return float(np.max(np.abs(answers[0] - answers[1])))


def summary(rows):
    """Means over the seeds, and what attention adds."""
    accuracy = {
        stage: [row["accuracy"] for row in rows if row["model"] == stage]
        for stage in STAGES
    }
    lines = [
        f"{stage:<9} {statistics.mean(values):.1%} "
        f"({min(values):.1%} to {max(values):.1%})"
        for stage, values in accuracy.items()
    ]
    pairs = zip(accuracy["attached"], accuracy["longer"], strict=True)
    gains = [100 * (attached - longer) for attached, longer in pairs]
    lines.append(
        f"attached - longer: {statistics.mean(gains):+.1f} points "
        f"({min(gains):+.1f} to {max(gains):+.1f} over {len(gains)} seeds)"
    )
    return "\n".join(lines)


def main():
    recipe = dict(train.RECIPE)
    # All that can be wrong with the settings shows before any training.
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        info = sources.load(arguments, recipe).info
        places = {arguments["where"]: arguments["attention"]}
        attach(build(arguments, info), places)
        output.mkdir(parents=True, exist_ok=True)
        (output / "report.txt").open("a").close()  # can it be written?
    except (ValueError, OSError) as error:
        print(f"attach.py: error: {error}", file=sys.stderr)
        return 2
    examples = sources.load(arguments, recipe, supervised=False).test
    images = np.asarray(next(iter(examples))["image"])
    print(f"{info.name}: {info.sizes}", flush=True)
    first, more = arguments["epochs"]
    gentle = {**recipe, "learning_rate": recipe["learning_rate"] / 3}

    rows, attached = [], None
    for seed in range(arguments["seeds"]):
        keras.utils.set_random_seed(seed)
        models = {"before": build(arguments, info)}
        seconds = {}
        print(f"\nbefore, seed {seed}", flush=True)
        start = time.perf_counter()
        splits = sources.load(arguments, recipe, seed)
        train.fit(models["before"], splits, first, recipe)
        seconds["before"] = time.perf_counter() - start

        models["longer"] = keras.models.clone_model(models["before"])
        models["longer"].set_weights(models["before"].get_weights())
        models["attached"] = attached = attach(models["before"], places)
        at_step_0 = difference(models["before"], attached, images)
        print(f"\nattached: the answers differ by {at_step_0:g} at step 0")
        if seed == 0:
            text = report(models["before"], attached)
            print(f"\n{text}")
            write_text(output / "report.txt", text)
        for name in ("longer", "attached"):
            print(f"\n{name}, seed {seed}", flush=True)
            keras.utils.set_random_seed(seed)
            splits = sources.load(arguments, recipe, seed)
            start = time.perf_counter()
            train.fit(models[name], splits, more, gentle)
            seconds[name] = time.perf_counter() - start
        save_model(attached, output / f"attached-seed{seed}.keras")

        table = compare(models, examples, training_seconds=seconds)
        print(f"\n{table}", flush=True)
        for row in table.rows:
            rows.append({**row, "seed": seed, "difference_at_0": at_step_0})
        results = json.dumps(
            {"rows": rows, "environment": table.environment}, indent=2
        )
        write_text(output / "results.json", f"{results}\n")
    print(f"\n{summary(rows)}")

    config = {
        "arguments": arguments,
        "recipe": recipe,
        "data": {
            "name": info.name,
            "sizes": info.sizes,
            "test_sha256": train.fingerprint(examples),
        },
    }
    write_text(output / "config.json", json.dumps(config, indent=2) + "\n")
    maps = visualization.collect_attention(attached, images[:1])
    if "spatial" in {attention.kind for attention in maps.values()}:
        figure = train.picture(attached, examples, info.class_names)
        figure.savefig(output / "attention.png", dpi=150)
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
