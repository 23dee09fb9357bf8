"""How right the captions of digits are, and which word looks at the digit."""

import keras
import numpy as np
from keras import ops

from keras_attention import metrics
from keras_attention.tasks import captioning

DIGITS = (
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)
ARTICLES = ("a", "an")


def naming(texts, data):
    """`(image, word, digit)` of every word that names a digit that is there.

    A caption names the digits in reading order, as the boxes are.
    """
    found = []
    for image, text in enumerate(texts):
        words = text.split()
        places = [i for i, word in enumerate(words) if word in DIGITS]
        for number, place in enumerate(places[: len(data["labels"][image])]):
            if words[place] == DIGITS[data["labels"][image][number]]:
                found.append((image, place, number))
    return np.array(found).reshape(-1, 3)


def masks_of(boxes, size):
    """`(count, size, size)`, 1 inside boxes in shares of the image."""
    edges = np.rint(boxes * size).astype(int)
    masks = np.zeros((len(edges), size, size))
    for mask, (top, left, bottom, right) in zip(masks, edges, strict=True):
        mask[top:bottom, left:right] = 1
    return masks


def exact(model, data):
    """The share of captions that greedy search says word for word."""
    said = captioning.generate(model, data["image"])
    return float(np.mean(np.array(said.texts) == data["captions"]))


def numbers(said, data, size):
    """How right captions are, and where the naming words and articles look.

    Args:
        said: `Captions`, of a model.
        data: dict of the true `captions`, `labels` and `boxes`.
        size: int, pixels of a side of the images.
    """
    references = [[caption] for caption in data["captions"]]
    found = metrics.caption_scores(said.texts, references)
    image, word, digit = naming(said.texts, data).T
    found["digits_named"] = len(image) / data["labels"].size
    if not len(image):  # too little training: there is nothing to measure
        return found
    maps = said.attention.mean(1)  # over heads
    masks = masks_of(data["boxes"][image, digit], size)
    found["uniform"] = float(metrics.area_share(masks).mean())
    found["centre"] = float(metrics.centre_energy(masks).mean())
    words = {"name": word}
    if data["captions"][0].split()[0] in ARTICLES:
        words["article"] = word - 1
    for kind, place in words.items():
        energy = metrics.attention_energy(maps[image, place], masks)
        found[f"on_digit_{kind}"] = float(energy.mean())
    return found


def named_without(model, data, blind=None):
    """The share of first digits named right if one word cannot choose where.

    The model says the captions' beginnings as always, the most probable word
    each time, but for the word that is blind: its attention is the same
    everywhere.

    Args:
        model: `CaptioningModel`, whose score is additive.
        data: dict of `image`, the true `captions` and `labels`.
        blind: int, number of the word; `None` for no word. Defaults to
            `None`.
    """
    first = data["captions"][0].split()
    place = next(i for i, word in enumerate(first) if word in DIGITS)
    vocabulary, decoder = model.vocabulary, model.decoder
    features = model.encoder.predict(data["image"], verbose=0)
    memory, states = decoder.begin(features)
    # Equal keys have equal scores, and these equal weights.
    mean = ops.mean(memory.keys, axis=-2, keepdims=True)
    alike = memory._replace(keys=ops.broadcast_to(mean, memory.keys.shape))
    said = vocabulary.encode([""] * len(features), 1)[:, :1]  # the start
    for position in range(place + 1):
        seen = alike if position == blind else memory
        logits, states, _ = decoder.step(seen, states, said[:, -1])
        words = keras.ops.convert_to_numpy(ops.argmax(logits, axis=-1))
        said = np.concatenate([said, words[:, None].astype("int32")], axis=1)
    names = [vocabulary.decode(row[-1:]) for row in said]
    truth = [DIGITS[labels[0]] for labels in data["labels"]]
    return float(np.mean(np.array(names) == truth))
