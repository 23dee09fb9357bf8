"""VGG16_bn on CIFAR-10, JPEG copy: plain, uniform, with attention.

    bash benchmarks/gpu.sh --parts cifar    # at most 90 s, one CUDA card

Full width, bfloat16, 10,000 training and 2,000 test images, one seed. The
three networks take turns, an epoch each, so that whenever time is over they
have seen as much; how many rounds fit is known after the first, and the
learning rate falls to zero with the last. Keras on PyTorch, which compiles
nothing: XLA would compile for as long as it trains.
"""

import math
import time

import keras
import numpy as np

from gpu.images import load
from keras_attention import VGG16BNAttention

BATCH, RATE, MOST = 250, 0.05, 60
SPARE = 4  # seconds before the process is ended
PLACES = ("block3", "block4")


def run(settings, add):
    """A row a network and round; the last of each is its result."""
    end = settings["ends"] - SPARE
    keras.config.set_dtype_policy("mixed_bfloat16")
    width = 1 / 16 if settings["dry"] else 1.0
    train, test = load(settings)
    if settings["dry"]:
        train, test = ([x[:50] for x in pair] for pair in (train, test))
    rounds, number = (2 if settings["dry"] else MOST), 0
    networks = build(width)
    while number < rounds:
        start = time.time()
        # The first rounds warm up, in case they are many.
        share = min(1, (number + 1) / 3)
        rate = share * RATE * (1 + math.cos(math.pi * number / rounds)) / 2
        for name, model in networks.items():
            begun = time.time()
            loss = epoch(model, train, rate, number)
            seconds = time.time() - begun
            add(
                model=name,
                epoch=number + 1,
                of=rounds,
                loss=round(loss, 4),
                test_accuracy=accuracy(model, test),
                images_per_s=round(len(train[0]) / seconds),
            )
        number += 1
        took = time.time() - start
        if number == 2:
            # The first round also warms up what the later ones find warm.
            left = int((end - time.time()) / took)
            rounds = min(rounds, number + max(left, 0))
        elif time.time() + took > end:
            break


def build(width):
    """The three networks, compiled; they start from the same blocks."""
    uniform = keras.layers.GlobalAveragePooling2D
    pools = {"plain": None, "uniform": uniform, "attention": "attn_pool"}
    found = {}
    for name, pool in pools.items():
        keras.utils.set_random_seed(0)
        model = VGG16BNAttention(
            # A layer is copied for every place, a key is made for it.
            {p: pool() if callable(pool) else pool for p in PLACES if pool},
            input_shape=(32, 32, 3),
            classes=10,
            classifier_activation=None,
            width_multiplier=width,
        )
        model.compile(
            keras.optimizers.SGD(
                RATE, momentum=0.9, nesterov=True, weight_decay=5e-4
            ),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        found[name] = model
    return found


def epoch(model, data, rate, seed):
    """Trains on all images once, mirrored by chance; the last loss."""
    images, labels = data
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    mirrored = rng.random(len(images)) < 0.5
    model.optimizer.learning_rate = rate
    loss = math.nan
    for first in range(0, len(images), BATCH):
        chosen = order[first : first + BATCH]
        batch = images[chosen]
        flip = mirrored[chosen]
        batch[flip] = batch[flip, :, ::-1]
        loss = model.train_on_batch(batch, labels[chosen])
    return float(loss)


def accuracy(model, data):
    """Of 1, on all test images."""
    images, labels = data
    right = 0
    for first in range(0, len(images), BATCH):
        batch = slice(first, first + BATCH)
        predicted = model.predict_on_batch(images[batch]).argmax(-1)
        right += (predicted == labels[batch]).sum()
    return round(float(right / len(images)), 4)
