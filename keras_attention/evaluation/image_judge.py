"""Generated images beside real ones, by what a named network sees in them."""

import keras
import numpy as np
from keras import ops

from keras_attention.evaluation.judge_networks import network_of
from keras_attention.evaluation.judged_images import JudgedImages
from keras_attention.evaluation.judged_images import SeenImages
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals import arguments
from keras_attention.metrics import frechet_distance
from keras_attention.metrics import kernel_distance


class ImageJudge:
    """Frechet and kernel distance, inception score: images in, numbers out.

    Each image is brought to the network's range, channels (a grey one three
    times) and size (bilinear, smoothed where it gets smaller), and its features
    and answers are summed up in float64, batch by batch. Memory does not grow
    with the images: the kernel distance takes up to `kept` of them, drawn at
    random, all others every one.

    Args:
        network: str, path or `keras.Model`, who judges:

            - `"efficientnet_lite0"`: `EfficientNetLite0` with its published
              weights, of the extra `pretrained`; its 1,280 pooled features.
            - a path to a `.h5` file of the weights of
              `keras.applications.InceptionV3`, with or without its top.
            - a path to a `.keras` file, or a model: any network from images to
              probabilities.

            Defaults to `"efficientnet_lite0"`.
        layer: str or `None`, of a model or `.keras` file: the layer whose
            outputs are the features, a map being averaged over its positions;
            `None` takes what the last layer is given. The name of the last
            layer is for a network without a classifier. Defaults to `None`.
        value_range: tuple, the values of black and of white in the images;
            generators here draw from -1 to 1. Defaults to `(-1, 1)`.
        network_range: tuple or `None`, those that a model takes; `None` leaves
            the images as they are. Other networks have their own. Defaults to
            `None`.
        kept: int, features of how many images are kept for the kernel distance.
            Defaults to `10000`.
        batch_size: int, images at a time, of an array. Defaults to `100`.
        seed: int, of the choice of those that are kept, and of subsets.
            Defaults to `0`.

    Attributes:
        name: str, the network's, as in every result.
        parameters: int, of the network.

    Raises:
        ValueError: For unknown networks, weights of another shape, a layer that
            is none of the model's, a `.keras` file that is not there.
        FileNotFoundError: For an `.h5` file that is not there.

    Example:

    >>> inputs = keras.Input((8, 8, 1))
    >>> x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    >>> x = keras.layers.GlobalAveragePooling2D()(x)
    >>> x = keras.layers.Dense(3, activation="softmax")(x)
    >>> judge = ImageJudge(keras.Model(inputs, x, name="small"))
    >>> rng = np.random.default_rng(0)
    >>> real, generated = rng.uniform(-1, 1, (2, 40, 8, 8, 1))
    >>> found = judge.compare(real, generated)
    >>> found.extractor, found.images, found.frechet_distance < 1
    ('small', 40, True)

    Reference:
        Heusel et al.: GANs Trained by a Two Time-Scale Update Rule Converge
        to a Local Nash Equilibrium. NIPS 2017. Binkowski, Sutherland, Arbel,
        Gretton: Demystifying MMD GANs. ICLR 2018. Salimans et al.: Improved
        Techniques for Training GANs. NIPS 2016.

    Differs from the papers:
        What is printed as FID, KID and IS elsewhere is by one network, of 2015
        (1,008 answers, another last pooling), on 50,000 images.
        `keras.applications.InceptionV3` is not that network, and its distances
        are no FID; neither are those of any other judge here. Compare numbers
        of one judge, one number of images and one set of real ones only.

    Cost:
        A pass of the network over all images; `channels^2` float64 for each
        set, and the features kept.
    """

    def __init__(
        self,
        network="efficientnet_lite0",
        layer=None,
        value_range=(-1, 1),
        network_range=None,
        kept=10000,
        batch_size=100,
        seed=0,
    ):
        self.network = network_of(network, layer, network_range, value_range)
        low, high = map(float, value_range)
        if not low < high:
            expected = "two rising numbers such as (-1, 1)"
            raise ValueError(
                arguments.invalid("value_range", value_range, expected)
            )
        self.value_range = low, high
        self.kept = arguments.positive_int("kept", kept)
        self.batch_size = arguments.positive_int("batch_size", batch_size)
        self.seed = arguments.seed(seed)
        self.name = self.network.name
        self.parameters = self.network.model.count_params()
        self._looking = {}  # by the shape of an image

    def look(self, images, labels=None):
        """What the network sees, summed up: real images need it only once.

        Args:
            images: array `(count, height, width, channels)`, or batches of
                such: a `tf.data.Dataset`, a `PyDataset` or any other iterable,
                of arrays, of pairs with labels or of dictionaries with
                `"image"` and perhaps `"label"`.
            labels: int array `(count,)` or `None`, the classes of an array's
                images, in the order of the network's answers. Defaults to
                `None`.

        Returns:
            `SeenImages`.

        Raises:
            ValueError: For images of other shapes or outside of `value_range`,
                and for none.
        """
        seen = SeenImages(self.kept, self.seed)
        for batch, classes in _batches(images, labels, self.batch_size):
            features, *answers = self._see(batch)
            seen.add(features, *answers, labels=classes)
        if not seen.count:
            raise ValueError(
                "Invalid value for argument images: expected at least one "
                "batch. Received: none"
            )
        return seen

    def compare(self, real, generated, labels=None, subsets=100):
        """The numbers of generated images beside real ones.

        Args:
            real: images as for `look`, or what `look` has returned.
            generated: the same.
            labels: int array `(count,)` or `None`, classes that generated
                images of an array were asked for; see `look`. Defaults to
                `None`.
            subsets: int, of the kernel distance. Defaults to `100`.

        Returns:
            `JudgedImages`.
        """
        if not isinstance(real, SeenImages):
            real = self.look(real)
        if not isinstance(generated, SeenImages):
            generated = self.look(generated, labels)
        mean, deviation = kernel_distance(
            real.features, generated.features, subsets=subsets, seed=self.seed
        )
        return JudgedImages(
            extractor=self.name,
            channels=len(real.statistics.mean),
            real_images=real.count,
            images=generated.count,
            frechet_distance=frechet_distance(
                real.statistics, generated.statistics
            ),
            kernel_distance=mean,
            kernel_deviation=deviation,
            inception_score=generated.inception_score,
            right=generated.right,
        )

    def _see(self, images):
        """Features, and answers where there are any."""
        low, high = self.value_range
        slack = 1e-3 * (high - low)
        if images.ndim != 4 or not len(images):
            expected = "(batch, height, width, channels), not empty"
            raise ValueError(
                arguments.invalid("images", images.shape, expected)
            )
        # NaN is in no range.
        if not (images.min() >= low - slack and images.max() <= high + slack):
            raise ValueError(
                f"Invalid value for argument images: expected values in "
                f"value_range={self.value_range}. Received: "
                f"{images.min():.4g} to {images.max():.4g}"
            )
        shape = images.shape[1:]
        if shape not in self._looking:
            self._looking[shape] = WholeBatches(self._prepared(shape))
        seen = self._looking[shape](images.astype("float32"))
        return seen if isinstance(seen, (list, tuple)) else [seen]

    def _prepared(self, shape):
        """The network behind what makes its inputs of images."""
        network = self.network
        low, high = self.value_range
        *size, channels = network.input_shape
        inputs = x = keras.Input(shape)
        if shape[-1] == 1 and channels == 3:
            x = ops.concatenate([x] * 3, axis=-1)
        if channels not in (None, x.shape[-1]):
            raise ValueError(
                f"Invalid value for argument images: expected {channels} "
                f"channels, or one for three, for {self.name}. Received: shape "
                f"{shape}"
            )
        if None not in size and tuple(size) != shape[:2]:
            x = ops.image.resize(x, size, antialias=True)
        x = network.prepare((x - low) / (high - low))
        return keras.Model(inputs, network.model(x))


def _batches(images, labels, batch_size):
    """Arrays, and their labels or `None`."""
    if hasattr(images, "ndim"):
        images = np.asarray(images)
        if labels is not None and np.shape(labels) != images.shape[:1]:
            expected = f"one class for each of {len(images)} images"
            raise ValueError(
                arguments.invalid("labels", np.shape(labels), expected)
            )
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            yield images[part], None if labels is None else labels[part]
        return
    if labels is not None:
        expected = "None with batches, which bring their own"
        raise ValueError(arguments.invalid("labels", "labels", expected))
    batches = images
    if isinstance(images, keras.utils.PyDataset):
        # Going through it by itself has no end.
        batches = (images[index] for index in range(images.num_batches))
    for batch in batches:
        classes = None
        if isinstance(batch, dict):
            batch, classes = batch["image"], batch.get("label")
        elif isinstance(batch, (tuple, list)):
            batch, classes = (*batch, None)[:2]
        yield ops.convert_to_numpy(batch), classes
