"""The pipeline of the TensorFlow backend: `tf.data`, batched before mapped."""

import itertools

import tensorflow as tf
import tensorflow_datasets as tfds

from keras_attention.datasets.elements import epoch_order

# Shuffling what is not in memory mixes a window of this many examples.
WINDOW = 10_000


def make_dataset(
    builder,
    split,
    fields,
    *,
    count,
    batch_size,
    size,
    one_shape,
    supervised,
    seed=None,
    cache=True,
):
    """Makes the `tf.data.Dataset` of a split.

    Cached, the examples are tensors in memory and every pass gathers batches
    in the order of `epoch_order`, which no global seed changes: `shuffle`
    with a seed would start over with every run and depend on
    `tf.random.set_seed`. Uncached, `shuffle` mixes a window of the stream.
    """
    wanted = {key: True for key in fields.values()}
    dataset = builder.as_dataset(
        split,
        decoders=tfds.decode.PartialDecoding(wanted),
        read_config=tfds.ReadConfig(try_autocache=False),
    )

    def select(example):
        element = {name: example[key] for name, key in fields.items()}
        return element if one_shape else _resize_one(element, size)

    def finish(batch):
        return _finish(batch, size, supervised)

    parallel = tf.data.AUTOTUNE
    dataset = dataset.map(select, num_parallel_calls=parallel)
    if cache:
        # In host memory, even where a GPU would take tensors by default.
        with tf.device("CPU:0"):
            memory = dataset.padded_batch(count).get_single_element()
        dataset = _orders(count, seed).unbatch().batch(batch_size)
        dataset = dataset.map(
            lambda chosen: finish(
                {name: tf.gather(kept, chosen) for name, kept in memory.items()}
            ),
            num_parallel_calls=parallel,
        )
    else:
        if seed is not None:
            dataset = dataset.shuffle(min(count, WINDOW), seed=seed)
        dataset = dataset.padded_batch(batch_size)
        dataset = dataset.map(finish, num_parallel_calls=parallel)
    steps = tf.data.experimental.assert_cardinality(-(-count // batch_size))
    return dataset.apply(steps).prefetch(parallel)


def _orders(count, seed):
    epochs = itertools.count()

    def order():
        yield epoch_order(count, seed, next(epochs))

    return tf.data.Dataset.from_generator(
        order, output_signature=tf.TensorSpec((count,), tf.int64)
    )


def _resize_one(element, size):
    image = element["image"]
    resized = tf.image.resize(image, size, antialias=True)
    if image.dtype.is_integer:
        resized = tf.round(resized)
    element["image"] = tf.cast(resized, image.dtype)
    if "mask" in element:
        element["mask"] = _nearest(element["mask"], size)
    return element


def _finish(batch, size, supervised):
    images = batch["image"]
    top = images.dtype.max if images.dtype.is_integer else 1
    if tuple(images.shape[1:3]) != size:
        images = tf.image.resize(images, size, antialias=True)
        if "mask" in batch:
            batch["mask"] = _nearest(batch["mask"], size)
    batch["image"] = tf.cast(images, tf.float32) / top
    if supervised:
        return batch["image"], batch["label"]
    return batch


def _nearest(masks, size):
    return tf.image.resize(masks, size, method="nearest")
