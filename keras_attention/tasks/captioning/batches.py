"""Images and captions as batches that `fit` takes, on every backend."""

import keras
import numpy as np

from keras_attention.internals import arguments


class CaptionBatches(keras.utils.PyDataset):
    """Batches of images and captions, every caption an example.

    Each batch is `({"images": ..., "tokens": ...}, targets)`: the words seen so
    far, beginning with the start, and the words to say, ending with the end,
    both `(batch, length)`.

    Args:
        images: array `(count, ...)`, or anything that an array of int indexes
            so: pixels, or the cached features of a frozen encoder.
        captions: list of str, one an image, or of lists of str, several.
        model: `CaptioningModel`, whose vocabulary and length they are for.
        batch_size: int, examples a batch. Defaults to `32`.
        seed: int or `None`, of a new order in every epoch; `None` keeps the
            order. Defaults to `None`.
        truncate: bool, whether captions that are longer than the model's length
            are cut; otherwise they are refused. Defaults to `False`.
        **kwargs: Keras' `workers`, `use_multiprocessing`, `max_queue_size`.

    Raises:
        ValueError: For images without captions, different numbers of images
            and captions, and captions that are too long.

    Example:

    >>> from keras_attention.tasks import captioning
    >>> vocabulary = captioning.Vocabulary(["a", "cat", "dog"])
    >>> model = captioning.CaptioningModel(
    ...     (2, 2, 8), vocabulary, length=4, units=8
    ... )
    >>> captions = [["a dog", "dog"], ["a cat"]]
    >>> batches = CaptionBatches(np.ones((2, 2, 2, 8)), captions, model)
    >>> inputs, targets = batches[0]
    >>> print(inputs["tokens"][0], targets[0], inputs["images"].shape)
    [1 4 6 2] [4 6 2 0] (3, 2, 2, 8)
    """

    def __init__(
        self,
        images,
        captions,
        model,
        batch_size=32,
        seed=None,
        truncate=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        captions = [[c] if isinstance(c, str) else list(c) for c in captions]
        if len(images) != len(captions) or not captions:
            raise ValueError(
                "Arguments images and captions must have one entry an image, "
                f"and at least one. Received: {len(images)} images and "
                f"{len(captions)} captions"
            )
        missing = [i for i, of_image in enumerate(captions) if not of_image]
        if missing:
            raise ValueError(
                "Invalid value for argument captions: expected at least one an "
                f"image. Received: none for {len(missing)} images, the first "
                f"of them number {missing[0]}"
            )
        self.images = images
        self.batch_size = arguments.positive_int("batch_size", batch_size)
        self.seed = arguments.seed(seed)
        self.of_image = np.repeat(
            np.arange(len(captions)), [len(of_image) for of_image in captions]
        )
        texts = [text for of_image in captions for text in of_image]
        self.tokens = model.vocabulary.encode(texts, model.length, truncate)
        self.epoch = -1
        self.on_epoch_begin()

    def __len__(self):
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index):
        start = index * self.batch_size
        chosen = self.order[start : start + self.batch_size]
        tokens = self.tokens[chosen]
        images = self.images[self.of_image[chosen]]
        return {"images": images, "tokens": tokens[:, :-1]}, tokens[:, 1:]

    def on_epoch_begin(self):
        """Shuffles, the same in every run of a seed."""
        self.epoch += 1
        self.order = np.arange(len(self.tokens))
        if self.seed is not None:
            generator = np.random.default_rng([self.seed, self.epoch])
            self.order = generator.permutation(len(self.tokens))
