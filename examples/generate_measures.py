"""How good generated images are, by networks that know real ones."""

import keras
import numpy as np
from generate_data import halves

from keras_attention.evaluation import ImageJudge
from keras_attention.explanation import attention_is_used
from keras_attention.internals.files import written_whole

EPOCHS, BATCH = 10, 64
OWN = "own"


class Judge:
    """A judge of the images of a run, and what is to be said of it.

    Args:
        name: str: `"own"` for a small classifier of the training images, or
            what `ImageJudge` takes as its network, a `.keras` file of images in
            [-1, 1].
        path: path of the own one's file, which is read if it is there.
        parts: list of `(images, classes)` to train, to choose, to test.
    """

    def __init__(self, name, path, parts):
        train, validation, test = parts
        network = name
        if name == OWN:
            if not path.exists():
                with written_whole(path) as new:
                    trained(*train).save(new)
            network = str(path)
        self.by = ImageJudge(network)
        classes = int(train[1].max()) + 1
        outputs = self.by.network.model.outputs
        # Of another network's classes none is the one that was asked for.
        self.names_classes = len(outputs) > 1 and outputs[1].shape[1] == classes
        self.test, self.validation = (
            self.by.look(images)
            for images in (halves(test)[0][0], validation[0])
        )
        self.description = {
            "name": f"a CNN of {len(train[0]):,} training images"
            if name == OWN
            else name,
            "features": len(self.test.statistics.mean),
            "parameters": self.by.parameters,
        }
        if self.names_classes:
            right = self.by.look(test[0], test[1]).right
            self.description["test_accuracy"] = right

    def measure(self, images, asked=None, real=None):
        """The numbers of images, beside the first half of the test set."""
        seen = self.by.look(images, asked if self.names_classes else None)
        found = self.by.compare(real or self.test, seen, subsets=20)
        kept = (
            *("images", "frechet_distance", "kernel_distance"),
            *("inception_score", "right"),
        )
        values = {name: getattr(found, name) for name in kept}
        return {k: v for k, v in values.items() if v is not None}

    def references(self, parts):
        """What images have that are real, and that are none.

        Of the other half of the test set also in fewer images: how much of a
        distance is the size of the sample.
        """
        real, other = halves(parts[2])
        count = len(other[0])
        noise = np.random.default_rng(0).uniform(-1, 1, other[0].shape)
        sets = {
            "test images": other,
            "training images": tuple(x[:count] for x in parts[0]),
            "noise": (noise.astype("float32"), None),
        }
        found = {name: self.measure(*images) for name, images in sets.items()}
        found["sizes"] = [
            self.measure(
                *(x[:some] for x in other), self.by.look(real[0][:some])
            )
            for some in (count // 4, count // 2)
        ]
        return found


def trained(images, labels):
    """A small classifier, with weights of one seed."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = x = keras.Input(images.shape[1:])
    for block, channels in enumerate((16, 16, 32, 32, 64)):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        if block in (1, 3):
            x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(int(labels.max()) + 1, activation="softmax")(x)
    model = keras.Model(inputs, outputs, name="judge")
    steps = EPOCHS * -(-len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy"
    )
    model.fit(images, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def gains(model):
    """Those of the blocks, by network."""
    return {
        part: float(keras.ops.convert_to_numpy(layer.gain))
        for part in ("generator", "discriminator")
        for layer in getattr(model, part).layers
        if hasattr(layer, "gain")
    }


def use_of_attention(model, judge, asked, seed):
    """What other weights in the generator's block would change.

    Args:
        model: `AdversarialModel` with attention.
        judge: `Judge` that names classes, whose answers are looked at.
        asked: array `(count,)`, classes.
        seed: int, of the noise.
    """
    generator = model.generator
    _, answers = judge.by.network.model(generator.output)
    chain = keras.Model(generator.inputs, answers)
    noise = np.random.default_rng(seed).standard_normal(
        (len(asked), generator.inputs[0].shape[1]), "float32"
    )
    table = attention_is_used(chain, [noise, asked], asked, batch_size=100)
    kept = "replaced_by", "accuracy", "accuracy_change", "distance"
    return [{key: row[key] for key in kept} for row in table.rows]
