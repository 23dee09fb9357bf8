"""How good generated images are, by a classifier of real ones."""

import dataclasses

import keras
import numpy as np

from keras_attention import metrics
from keras_attention.explanation import attention_is_used
from keras_attention.internals.files import written_whole

EPOCHS, BATCH = 10, 64


@dataclasses.dataclass
class Judge:
    """A classifier, and what is to be said of it beside every number."""

    model: keras.Model
    description: dict

    @classmethod
    def of(cls, path, parts, given=None):
        """A given classifier, or a new one of the training images.

        Args:
            path: path of the new one's file, which is read if it is there.
            parts: list of `(images, classes)` to train, to choose, to test.
            given: path of another's `.keras` file or `None`: it takes images
                in [-1, 1], and its last layer makes probabilities of features.
        """
        train, _, (images, labels) = parts
        if given is None and not path.exists():
            model = trained(*train)
            with written_whole(path) as new:
                model.save(new)
        model = keras.saving.load_model(given or path)
        right = model.predict(images, verbose=0).argmax(-1) == labels
        name = f"a CNN of {len(train[0]):,} training images"
        return cls(
            model,
            {
                "name": given or name,
                "features": model.layers[-1].input.shape[-1],
                "parameters": model.count_params(),
                "test_accuracy": float(right.mean()),
            },
        )

    def seen(self, images):
        """`(features, probabilities)`."""
        features = self.model.layers[-1].input
        both = keras.Model(self.model.inputs, [features, self.model.output])
        return both.predict(images, batch_size=100, verbose=0)

    def measure(self, real, images, asked=None):
        """The numbers of images beside real ones, by this classifier."""
        features, answers = self.seen(images)
        reference, _ = self.seen(real)
        kernel, _ = metrics.kernel_distance(reference, features, subsets=20)
        score, _ = metrics.inception_score(answers, splits=1)
        found = {
            "images": len(images),
            "inception_score": score,
            "frechet_distance": metrics.frechet_distance(reference, features),
            "kernel_distance": kernel,
        }
        if asked is not None:
            found["right"] = float((answers.argmax(-1) == asked).mean())
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


def halves(part):
    """A set's images and labels, in two parts of one size."""
    half = len(part[0]) // 2
    return [tuple(x[some] for x in part) for some in _both(half)]


def _both(half):
    return slice(half), slice(half, 2 * half)


def references(judge, parts):
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
    found = {
        name: judge.measure(real[0], *images) for name, images in sets.items()
    }
    found["sizes"] = [
        judge.measure(real[0][:some], other[0][:some], other[1][:some])
        for some in (count // 4, count // 2, count)
    ]
    return found


def use_of_attention(model, judge, asked, seed):
    """The gains of the blocks, and what other weights would change.

    Args:
        model: `AdversarialModel` with attention.
        judge: `Judge`, whose answers are looked at.
        asked: array `(count,)`, classes.
        seed: int, of the noise.
    """
    gains = {
        part: float(keras.ops.convert_to_numpy(layer.gain))
        for part in ("generator", "discriminator")
        for layer in getattr(model, part).layers
        if hasattr(layer, "gain")
    }
    generator = model.generator
    chain = keras.Model(generator.inputs, judge.model(generator.output))
    noise = np.random.default_rng(seed).standard_normal(
        (len(asked), generator.inputs[0].shape[1]), "float32"
    )
    table = attention_is_used(chain, [noise, asked], asked, batch_size=100)
    kept = "replaced_by", "accuracy", "accuracy_change", "distance"
    return {
        "gains": gains,
        "replaced": [{key: row[key] for key in kept} for row in table.rows],
    }
