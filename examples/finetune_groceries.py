"""`attach` on a pretrained network: the part *groceries* of `finetune.py`.

EfficientNet-Lite0 with ImageNet's weights, frozen but for its last blocks,
whose maps are computed once; what follows is fine-tuned (*before*). From these
weights it goes on, once as it is (*longer*) and once with attention attached
behind a late block, on the same images in the same order: until the first step
both give the same answers. What the second has more than the first is what
attention brought.

Each network's learning rate is chosen on the official validation images, with
another seed than those of the results; test images are answered with it alone.
"""

import time

import keras
import numpy as np
import place
import sources

from keras_attention import EfficientNetLite0
from keras_attention import attach
from keras_attention import metrics
from keras_attention import training

FROZEN = "block13_add"
FIRST_TRAINED = "block14_expand"
ATTACHED = {"cbam": {"block14_add": "cbam"}}
SETTINGS = {
    "size": 128,
    "epochs": (4, 4),
    # Of the first training; of the second they are factors of its rate.
    "rates": (1e-3, 3e-3),
    "factors": (0.3, 1.0, 3.0),
    # From layer to layer, away from the head and the attention.
    "decay": 0.8,
    "weight_decay": 1e-2,
    "batch_size": 64,
    "selection_seed": 100,
    "seeds": (0, 1, 2),
}
FAST = {
    **SETTINGS,
    "size": 64,
    "epochs": (1, 1),
    "rates": (1e-3,),
    "factors": (0.3,),
    "seeds": (0,),
}


def split_network(size, weights):
    """From pixels to what is cached, and from there to the last map."""
    network = EfficientNetLite0(
        include_top=False, weights=weights, input_shape=(size, size, 3)
    )
    cached = network.get_layer(FROZEN).output
    image = keras.Input((size, size, 3))
    # As `preprocess_input`, of what `batches` gives.
    pixels = keras.layers.Rescaling(255 / 128, -127 / 128)(image)
    frozen = keras.Model(network.input, cached)
    return keras.Model(image, frozen(pixels)), keras.Model(
        cached, network.output
    )


def classifier(rest, classes):
    """What is trained: the rest of the network, copied, and a classifier."""
    copy = keras.models.clone_model(rest)
    copy.set_weights(rest.get_weights())
    x = keras.layers.GlobalAveragePooling2D(name="global_pool")(copy.output)
    logits = keras.layers.Dense(classes, name="logits")(x)
    return keras.Model(copy.input, logits)


class Trainings:
    """Trains on cached maps; a training that was killed goes on.

    Args:
        maps: arrays of training, validation and test images.
        labels: int arrays of the same.
        settings: dict, see `SETTINGS`.
        folder: path for checkpoints.
    """

    def __init__(self, maps, labels, settings, folder):
        self.maps = maps
        self.labels = labels
        self.settings = settings
        self.folder = folder

    def fit(self, model, name, seed, rate, epochs):
        """Trains a model, from a checkpoint if there is one."""
        data = sources.Positioned(
            [(self.maps[0], self.labels[0])], self.settings["batch_size"], seed
        )
        training.freeze(model, before=FIRST_TRAINED)
        training.compile_fine_tuning(
            model,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            rate,
            steps=epochs * data.steps,
            weight_decay=self.settings["weight_decay"],
            rates=self.settings["decay"],
            jit_compile=False,
        )
        keras.utils.set_random_seed(seed)
        kept = self.folder / f"{name}, seed {seed}, {rate:g}".replace(" ", "_")
        training.Resumable(kept, keep=1).fit(model, data, epochs, verbose=0)

    def answer(self, model, part):
        return model.predict(self.maps[part], batch_size=256, verbose=0)


def networks(before, seed):
    """What goes on from a trained network, each with its weights."""
    keras.utils.set_random_seed(seed)
    longer = keras.models.clone_model(before)
    longer.set_weights(before.get_weights())
    yield "longer", longer
    for name, where in ATTACHED.items():
        yield name, attach(before, where)


def choose(trainings, fresh, settings):
    """The learning rate of each network, by the validation images.

    Returns:
        dict of name to `{"rate", "validation"}`.
    """
    seed, (first, more) = settings["selection_seed"], settings["epochs"]
    found, models = {}, {}

    def tried(name, model, rate, epochs):
        trainings.fit(model, name, seed, rate, epochs)
        accuracy = place.score(trainings.labels[1], trainings.answer(model, 1))
        print(f"groceries, {name}, {rate:g}: {accuracy:.3f} of validation")
        if name not in found or accuracy > found[name]["validation"]:
            found[name] = {"rate": rate, "validation": accuracy}
            models[name] = model

    for rate in settings["rates"]:
        keras.utils.set_random_seed(seed)
        tried("before", fresh(), rate, first)
    for factor in settings["factors"]:
        for name, model in networks(models["before"], seed):
            tried(name, model, factor * found["before"]["rate"], more)
    return found


def one_seed(trainings, fresh, chosen, seed, settings):
    """`{name: logits of the test images}` and a row for each network."""
    first, more = settings["epochs"]
    answers, rows = {}, []

    def told(name, model, at_start):
        answers[name] = trainings.answer(model, 2)
        accuracy = place.score(trainings.labels[2], answers[name])
        rows.append(
            {
                "model": name,
                "seed": seed,
                "accuracy": accuracy,
                "parameters": model.count_params(),
                "difference_at_0": at_start,
            }
        )
        print(f"groceries, {name}, seed {seed}: {accuracy:.3f}", flush=True)

    keras.utils.set_random_seed(seed)
    before = fresh()
    trainings.fit(before, "before", seed, chosen["before"]["rate"], first)
    told("before", before, None)
    for name, model in networks(before, seed):
        at_start = np.abs(trainings.answer(model, 2) - answers["before"]).max()
        trainings.fit(model, name, seed, chosen[name]["rate"], more)
        told(name, model, float(at_start))
    return answers, rows


def gains(answers, labels):
    """Each kind of attention minus *longer*: mean over seeds, with interval.

    The interval is of the images, which are drawn again; all seeds answer the
    same draw.

    Args:
        answers: list of dicts of name to logits, a seed each.
        labels: int array.
    """

    def right(name):  # share of the seeds, an image
        found = [of_seed[name].argmax(-1) == labels for of_seed in answers]
        return np.mean(found, axis=0)

    found = {}
    for name in ATTACHED:
        more = right(name) - right("longer")
        interval = metrics.bootstrap_interval(np.mean, more)
        found[name] = {"mean": float(more.mean()), "interval": interval}
    return found


def measure(parts, settings, arguments, folder):
    """The part of results that is about groceries.

    Args:
        parts: training, validation and test `Examples`.
        settings: dict, see `SETTINGS`.
        arguments: dict, those of `finetune.py`.
        folder: path for checkpoints.
    """
    weights = None if arguments["fast"] else "imagenet"
    frozen, rest = split_network(settings["size"], weights)
    start = time.perf_counter()
    maps = [
        np.array(training.cached_features(frozen, part, dtype="float16"))
        for part in parts
    ]
    seconds = time.perf_counter() - start
    labels = [np.asarray(part.labels) for part in parts]
    trainings = Trainings(maps, labels, settings, folder)

    def fresh():
        return classifier(rest, parts[0].classes)

    chosen = choose(trainings, fresh, settings)
    answers, rows = [], []
    for seed in settings["seeds"]:
        of_seed, found = one_seed(trainings, fresh, chosen, seed, settings)
        answers.append(of_seed)
        rows += found
    return {
        "part": "groceries",
        "images": [len(part) for part in parts],
        "chosen": chosen,
        "rows": rows,
        "gains": gains(answers, labels[2]),
        "seconds_of_maps": seconds,
    }
