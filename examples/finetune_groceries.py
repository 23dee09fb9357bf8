"""`attach` on a pretrained network: the part *groceries* of `finetune.py`.

EfficientNet-Lite0 with ImageNet's weights, frozen up to its middle, whose maps
are cached; what follows is fine-tuned (*before*). From these weights it goes on
once as it is (*longer*) and once for each kind of attention attached behind a
late block, on the same images in the same order: until the first step all of
them give the same answers. What one has more than *longer* is what attention
brought.

The learning rate of each network is chosen by itself, on the official
validation images and with another seed; test images are answered
with what was chosen.
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

FROZEN = "block10_add"
FIRST_TRAINED = "block11_expand"
ATTACHED = {
    "cbam": {"block14_add": "cbam"},
    "nonlocal": {"block14_add": "nonlocal"},
}
SETTINGS = {
    "size": 160,
    "epochs": (6, 4),
    "rates": (3e-4, 1e-3, 3e-3),
    # Of that of the first training, in the second.
    "factors": (0.1, 0.3, 1.0),
    "weight_decay": 1e-2,
    "batch_size": 32,
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
    """From pixels to the middle, and from the middle to the last map."""
    network = EfficientNetLite0(
        include_top=False, weights=weights, input_shape=(size, size, 3)
    )
    middle = network.get_layer(FROZEN).output
    image = keras.Input((size, size, 3))
    # As `preprocess_input`, of what `batches` gives.
    pixels = keras.layers.Rescaling(255 / 128, -127 / 128)(image)
    frozen = keras.Model(network.input, middle)
    return keras.Model(image, frozen(pixels)), keras.Model(
        middle, network.output
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
        """Trains a model as far as it goes from a checkpoint; the seconds."""
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
            jit_compile=False,
        )
        keras.utils.set_random_seed(seed)
        start = time.perf_counter()
        kept = self.folder / f"{name}, seed {seed}, {rate:g}".replace(" ", "_")
        training.Resumable(kept, keep=1).fit(model, data, epochs, verbose=0)
        return time.perf_counter() - start

    def logits(self, model, part):
        return model.predict(self.maps[part], batch_size=256, verbose=0)

    def accuracy(self, model, part):
        return place.score(self.labels[part], self.logits(model, part))


def networks(before):
    """What goes on from a trained network, each with its weights."""
    longer = keras.models.clone_model(before)
    longer.set_weights(before.get_weights())
    yield "longer", longer
    for name, where in ATTACHED.items():
        yield name, attach(before, where)


def choose(trainings, start, settings):
    """The learning rate of each network, by the validation images.

    Returns:
        dict of name to `{"rate", "validation"}`.
    """
    seed, (first, more) = settings["selection_seed"], settings["epochs"]
    found, models = {}, {}

    def tried(name, model, rate, epochs):
        trainings.fit(model, name, seed, rate, epochs)
        accuracy = trainings.accuracy(model, 1)
        print(f"groceries, {name}, rate {rate:g}: {accuracy:.3f} of validation")
        best = found.setdefault(name, {"rate": rate, "validation": accuracy})
        models.setdefault(name, model)
        if accuracy > best["validation"]:
            best.update(rate=rate, validation=accuracy)
            models[name] = model

    for rate in settings["rates"]:
        keras.utils.set_random_seed(seed)
        tried("before", start(), rate, first)
    for factor in settings["factors"]:
        keras.utils.set_random_seed(seed)
        for name, model in networks(models["before"]):
            tried(name, model, found["before"]["rate"] * factor, more)
    return found


def one_seed(trainings, start, chosen, seed, settings):
    """`{name: logits of the test images}` and a row for each network."""
    first, more = settings["epochs"]
    answers, rows = {}, []

    def told(name, model, seconds, at_start):
        answers[name] = trainings.logits(model, 2)
        accuracy = place.score(trainings.labels[2], answers[name])
        rows.append(
            {
                "model": name,
                "seed": seed,
                "accuracy": accuracy,
                "parameters": model.count_params(),
                "training_seconds": seconds,
                "difference_at_0": at_start,
            }
        )
        print(f"groceries, {name}, seed {seed}: {accuracy:.3f}", flush=True)

    keras.utils.set_random_seed(seed)
    before = start()
    rate = chosen["before"]["rate"]
    seconds = trainings.fit(before, "before", seed, rate, first)
    told("before", before, seconds, None)
    for name, model in networks(before):
        at_start = np.abs(trainings.logits(model, 2) - answers["before"]).max()
        rate = chosen[name]["rate"]
        seconds = trainings.fit(model, name, seed, rate, more)
        told(name, model, seconds, float(at_start))
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
    """The part of results that is about groceries."""
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
