"""Hard attention, trained by REINFORCE, beside soft attention.

    python examples/hard_attention.py                # one seed
    python examples/hard_attention.py --seeds 3      # as committed

Both networks are a small VGG with attention pooling, on digits among clutter,
with the same images in the same order for as many epochs. *soft* sums all
positions under the weights of a softmax. *hard* takes one position: in
training a drawn one, whose scores learn by REINFORCE, in tests the most
probable one. A draw tells little about the other positions, so hard attention
learns from much noisier gradients.

Writes results.json and config.json to the output folder.
"""

import argparse
import json
import pathlib
import statistics
import sys

import keras
import sources
import train

from keras_attention import VGG16BNAttention
from keras_attention import alignments
from keras_attention import compare
from keras_attention import layers
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.files import write_text
from keras_attention.models import ReinforceModel

PLACE = "block3_relu3"
# As in Show, Attend and Tell: half of the training calls draw.
HARD = {"sampling_probability": 0.5, "inference": "argmax"}
REINFORCE = {"momentum": 0.9, "reinforce_weight": 1.0, "entropy_weight": 0.002}


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--images", type=int, default=7000, help="to train on")
    add("--epochs", type=int, default=8, help="of each network")
    add("--seeds", type=int, default=1, help="repetitions")
    add("--output", default="runs/hard_attention", help="folder for results")
    arguments = vars(parser.parse_args())
    for name in ("images", "epochs", "seeds"):
        positive_int(name, arguments[name])
    data = {"dataset": "cluttered_digits", "size": 56, "batch_size": 32}
    return {**arguments, **data}


def build(info, alignment):
    """A classifier that pools one of its maps by attention."""
    return VGG16BNAttention(
        {PLACE: layers.AttentionPooling2D(alignment=alignment)},
        input_shape=info.image_shape,
        classes=info.classes,
        classifier_activation=None,
        width_multiplier=0.125,
    )


def hard(info, seed):
    """The same, drawing its positions."""
    model = build(info, alignments.get("sampled", seed=seed, **HARD))
    return ReinforceModel(model.inputs, model.outputs, **REINFORCE)


def main():
    try:
        arguments = parse_arguments()
        output = pathlib.Path(arguments["output"])
        info = sources.load(arguments, train.RECIPE).info
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").open("a").close()  # can it be written?
    except (ValueError, OSError) as error:
        print(f"hard_attention.py: error: {error}", file=sys.stderr)
        return 2
    examples = sources.load(arguments, train.RECIPE, supervised=False).test
    rows = []
    for seed in range(arguments["seeds"]):
        models = {}
        for name in ("soft", "hard"):
            print(f"\n{name}, seed {seed}", flush=True)
            keras.utils.set_random_seed(seed)
            models[name] = (
                build(info, "softmax") if name == "soft" else hard(info, seed)
            )
            splits = sources.load(arguments, train.RECIPE, seed)
            train.fit(models[name], splits, arguments["epochs"], train.RECIPE)
        table = compare(models, examples)
        print(f"\n{table}", flush=True)
        rows += [{**row, "seed": seed} for row in table.rows]
        results = {"rows": rows, "environment": table.environment}
        text = json.dumps(results, indent=2)
        write_text(output / "results.json", f"{text}\n")
    settings = {
        "arguments": arguments,
        "recipe": train.RECIPE,
        "sampled": HARD,
        "reinforce": REINFORCE,
    }
    text = json.dumps(settings, indent=2)
    write_text(output / "config.json", f"{text}\n")
    print()
    for name in ("soft", "hard"):
        found = [row["accuracy"] for row in rows if row["model"] == name]
        print(
            f"{name} {statistics.mean(found):.1%} ({min(found):.1%} to "
            f"{max(found):.1%} over {len(found)} seeds; chance 10%)"
        )
    print(f"\nWritten to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
