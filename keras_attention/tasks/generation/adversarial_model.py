"""Two networks against each other, trained by an ordinary `fit`."""

import re

import keras
import numpy as np
from keras import ops

from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals import arguments
from keras_attention.tasks.generation.conditional_normalization import (
    ConditionalBatchNormalization,
)


@keras.saving.register_keras_serializable(package="keras_attention")
class AdversarialModel(keras.Model):
    """A generator and a discriminator, with the hinge loss, as one model.

    `fit(images)` or `fit(images, labels)` minimizes, by two optimizers,

    `L_D = mean relu(1 - D(x)) + mean relu(1 + D(G(z)))` over the
    discriminator's weights and `L_G = -mean D(G(z))` over the generator's,

    with as many `G(z)` as there are images, of classes drawn evenly. Both are
    updated at once, from one `G(z)`: the loss is the sum of both, where each
    network is a constant in the other's. So the step is Keras' own on every
    backend, and mixed precision, `Resumable` and callbacks work as always. The
    logs have `generator_loss` and `discriminator_loss`.

    Args:
        generator: `keras.Model` of noise `(batch, latent)`, or of
            `[noise, labels]`, with images in `[-1, 1]`.
        discriminator: `keras.Model` of images, or of `[images, labels]`, with
            scores `(batch, 1)`.
        classes: int or `None`, of networks that take labels. Defaults to
            `None`.
        seed: int or `None`, of the noise. Defaults to `None`.
        **kwargs: Keras' model arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        images: `(batch, height, width, channels)`; only their number counts.
        training: Whether the networks train.

    Returns:
        As many generated images, and their labels, `None` without classes.

    Raises:
        ValueError: If the networks do not fit each other or `classes`. With
            labels that are none of the classes, the loss of `fit` is NaN, or
            PyTorch raises.

    Example:

    >>> from keras_attention.tasks import generation
    >>> model = generation.AdversarialModel(
    ...     generation.generator((8, 8, 1), width=4, attention={8: "sagan"}),
    ...     generation.discriminator((8, 8, 1), width=4),
    ... )
    >>> model.compile(generation.two_rates(model))
    >>> images = np.zeros((4, 8, 8, 1), "float32")
    >>> history = model.fit(images, batch_size=2, verbose=0)
    >>> sorted(history.history)
    ['discriminator_loss', 'generator_loss', 'loss']
    >>> model.generate(3, seed=0).shape
    (3, 8, 8, 1)

    Reference:
        Zhang et al.: Self-Attention Generative Adversarial Networks. ICML 2019.

    Differs from the paper:
        There the discriminator takes its step first, and the generator answers
        to what it has become.

    Cost:
        One pass of the generator, two of the discriminator, and their
        gradients.
    """

    def __init__(
        self, generator, discriminator, classes=None, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        arguments.positive_int("classes", classes, optional=True)
        self.generator = generator
        self.discriminator = discriminator
        self.classes = classes
        self.seed = arguments.seed(seed)
        taken = 1 if classes is None else 2
        for name, network in (
            ("generator", generator),
            ("discriminator", discriminator),
        ):
            if len(network.inputs) != taken:
                raise ValueError(
                    f"Invalid value for argument {name}: expected a network of "
                    f"{taken} inputs, for classes={classes}. Received: one of "
                    f"{len(network.inputs)}"
                )
            if _classes_of(network) - {classes}:
                raise ValueError(
                    f"Invalid value for argument {name}: expected a network of "
                    f"classes={classes}. Received: one of "
                    f"{sorted(_classes_of(network))}"
                )
        made, seen = generator.output_shape, discriminator.inputs[0].shape
        if tuple(made) != tuple(seen):
            raise ValueError(
                "The discriminator must take what the generator makes. "
                f"Received: images {made} and {seen}"
            )
        self.noise_seed = keras.random.SeedGenerator(seed)
        self.generator_loss = keras.metrics.Mean("generator_loss")
        self.discriminator_loss = keras.metrics.Mean("discriminator_loss")
        self.built = True

    def call(self, images, training=None):
        """Images of noise; see the class."""
        count = ops.shape(images)[0]
        latent_dim = self.generator.inputs[0].shape[1]
        noise = keras.random.normal((count, latent_dim), seed=self.noise_seed)
        if self.classes is None:
            return self.generator(noise, training=training), None
        labels = keras.random.randint(
            (count,), 0, self.classes, seed=self.noise_seed
        )
        return self.generator([noise, labels], training=training), labels

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """`L_D + L_G`, each with the gradient of its own network."""
        generated, labels = y_pred
        if (y is None) != (self.classes is None):
            expected = "labels" if y is None else "no labels"
            raise ValueError(
                f"AdversarialModel with classes={self.classes} is trained with "
                f"{expected} beside the images"
            )
        # One pass for both, as in the authors' code: (2 b, h, w, c).
        everything = ops.concatenate(
            [ops.cast(x, generated.dtype), ops.stop_gradient(generated)]
        )
        if labels is not None:
            y = ops.reshape(ops.cast(y, labels.dtype), (-1,))
            everything = [everything, ops.concatenate([y, labels])]
        scores = self.discriminator(everything, training=training)
        real, fake = ops.split(scores, 2)
        of_discriminator = ops.mean(ops.relu(1 - real)) + ops.mean(
            ops.relu(1 + fake)
        )
        of_generator = -ops.mean(self._judged(generated, labels))
        self.generator_loss.update_state(of_generator)
        self.discriminator_loss.update_state(of_discriminator)
        loss = of_discriminator + of_generator + sum(self.losses)
        if labels is None:
            return loss
        # In a graph nothing can be raised: as in Keras' own loss on a card.
        known = ops.all((y >= 0) & (y < self.classes))
        return ops.where(known, loss, np.nan)

    def _judged(self, generated, labels):
        """The scores by a discriminator that stays as it is."""
        frozen = [
            (weight, ops.stop_gradient(weight.value))
            for weight in self.discriminator.weights
        ]
        if labels is not None:
            generated = [generated, labels]
        with keras.StatelessScope(frozen):
            return self.discriminator(generated, training=False)

    def generate(self, count, labels=None, seed=None, batch_size=32):
        """Images, in `[-1, 1]`.

        Args:
            count: int, how many.
            labels: int, array `(count,)` or `None`, their classes; `None` takes
                one after the other. Defaults to `None`.
            seed: int or `None`, of the noise: the same images again. Defaults
                to `None`.
            batch_size: int, images at a time. Defaults to `32`.

        Returns:
            `(count, height, width, channels)`, float32.

        Raises:
            ValueError: For labels of a model without classes, or others than it
                has.
        """
        arguments.positive_int("count", count)
        rng = np.random.default_rng(arguments.seed(seed))
        latent_dim = self.generator.inputs[0].shape[1]
        inputs = [rng.standard_normal((count, latent_dim), "float32")]
        if self.classes is not None:
            inputs.append(self._class_ids(count, labels))
        elif labels is not None:
            raise ValueError(
                "A model without classes takes no labels. Received: "
                f"labels={labels!r}"
            )
        # Not `predict`: PyTorch's loader draws a number for each pass.
        answer = WholeBatches(self.generator)
        images = []
        for start in range(0, count, batch_size):
            part = [values[start : start + batch_size] for values in inputs]
            images.append(answer(part if len(part) > 1 else part[0]))
        return np.concatenate(images)

    def _class_ids(self, count, labels):
        """The class of every image, int32 `(count,)`."""
        if labels is None:
            return np.arange(count, dtype="int32") % self.classes
        ids = arguments.real_array("labels", labels)
        if ids.shape not in ((), (count,)):
            raise ValueError(
                f"Invalid value for argument labels: expected one class, or "
                f"one for each of {count} images. Received: shape {ids.shape}"
            )
        if not np.isin(ids, np.arange(self.classes)).all():
            raise ValueError(
                "Invalid value for argument labels: expected classes from 0 to "
                f"{self.classes - 1}. Received: {ids}"
            )
        return np.broadcast_to(ids, count).astype("int32")

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(
                self.discriminator
            ),
            "classes": self.classes,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """The model of a configuration."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **networks})


def _classes_of(network):
    """For how many classes the layers of `networks.py` were made."""
    return {
        operation.classes
        if isinstance(operation, ConditionalBatchNormalization)
        else operation.num_classes
        for operation in getattr(network, "operations", [])
        if isinstance(operation, ConditionalBatchNormalization)
        or type(operation).__name__ == "OneHot"
    }


def two_rates(
    model, generator=1e-4, discriminator=4e-4, beta_1=0.0, beta_2=0.9, **kwargs
):
    """SAGAN's two Adams, one a network, as one optimizer.

    Args:
        model: `AdversarialModel`.
        generator: float, the generator's learning rate. Defaults to `1e-4`.
        discriminator: float, the discriminator's. Defaults to `4e-4`.
        beta_1: float, of both. Defaults to `0.0`.
        beta_2: float, of both. Defaults to `0.9`.
        **kwargs: `keras.optimizers.Adam`'s other arguments, such as
            `use_ema=True`.

    Returns:
        A `keras.optimizers.MultiOptimizer`.

    Raises:
        ValueError: If both networks have a layer of one name.

    Example:

    >>> from keras_attention.tasks import generation
    >>> model = generation.AdversarialModel(
    ...     generation.generator((8, 8, 1), width=4),
    ...     generation.discriminator((8, 8, 1), width=4),
    ... )
    >>> optimizer = two_rates(model, discriminator=2e-4)
    >>> [round(float(one.learning_rate), 6) for one in optimizer.optimizers]
    [0.0002, 0.0001]

    Reference:
        Heusel et al.: GANs Trained by a Two Time-Scale Update Rule Converge
        to a Local Nash Equilibrium. NIPS 2017.

    Differs from the paper:
        SAGAN's code has a `beta_2` of 0.999, its text 0.9.
    """

    def adam(rate):
        return keras.optimizers.Adam(rate, beta_1, beta_2, **kwargs)

    # By layer: of wrapped layers, a loaded model has paths without the wrapper.
    names = {
        w.path.split("/")[0] for w in model.discriminator.trainable_weights
    }
    pattern = f"(?:{'|'.join(map(re.escape, sorted(names)))}).*"
    shared = [
        weight.path
        for weight in model.generator.trainable_weights
        if re.fullmatch(pattern, weight.path)
    ]
    if shared:
        raise ValueError(
            "The two networks must not have layers of one name: whose weights "
            f"they are is known by it. Received: {shared}"
        )
    return keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(
            adam(generator), {pattern: adam(discriminator)}
        )
    )
