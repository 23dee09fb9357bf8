"""From an image to its most probable caption: greedy and beam search."""

import contextlib
import dataclasses

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments
from keras_attention.tasks.captioning.vocabulary import END
from keras_attention.tasks.captioning.vocabulary import PAD
from keras_attention.tasks.captioning.vocabulary import START
from keras_attention.tasks.captioning.word_step import word_step


@dataclasses.dataclass(frozen=True, eq=False)
class Captions:
    """What a model says of images, and where it looked for every word.

    Args:
        texts: list of str.
        tokens: int32 array `(batch, length)`, the words with their end, then
            padding.
        scores: float64 array `(batch,)`, `log p / words**length_penalty`.
        ended: bool array `(batch,)`, whether the caption has an end; one that
            has not was cut at the model's length.
        attention: float32 array `(batch, heads, words, height, width)`, the
            weights that each token was said with; 0 for padding.

    Example:

    >>> said = Captions(["a dog"], np.zeros((1, 3), "int32"), np.zeros(1),
    ...                 np.ones(1, bool), np.zeros((1, 1, 3, 7, 7)))
    >>> said.texts
    ['a dog']
    """

    texts: list
    tokens: np.ndarray
    scores: np.ndarray
    ended: np.ndarray
    attention: np.ndarray


def generate(model, images, beam_size=1, length_penalty=1.0, batch_size=32):
    """The captions that a model finds most probable.

    A beam keeps the `beam_size` most probable beginnings of every image. One
    that ends leaves the beam, and the best of those that ended is said. Where
    none ends within the model's length, the best that did not is. A beam of 1
    is greedy.

    Args:
        model: `CaptioningModel`.
        images: array `(count, ...)`, what its encoder takes.
        beam_size: int, beginnings an image. Defaults to `1`.
        length_penalty: float, at least 0: captions compare by `log p /
            words**length_penalty`, the end counting as a word. With 0 short
            ones are preferred. Defaults to `1.0`.
        batch_size: int, images at a time. Defaults to `32`.

    Returns:
        `Captions`.

    Raises:
        ValueError: For arguments out of range, and no images.

    Example:

    >>> from keras_attention.tasks import captioning
    >>> vocabulary = captioning.Vocabulary(["a", "cat", "dog"])
    >>> model = captioning.CaptioningModel(
    ...     (2, 3, 8), vocabulary, length=4, embedding_dim=8, units=8
    ... )
    >>> said = generate(model, np.ones((5, 2, 3, 8)), beam_size=3)
    >>> len(said.texts), said.tokens.shape, said.attention.shape
    (5, (5, 4), (5, 1, 4, 2, 3))

    Reference:
        Length normalisation: Wu et al.: Google's Neural Machine Translation
        System. 2016, there with `((5 + words) / 6)**length_penalty`.

    Differs from the paper:
        Show, Attend and Tell compares by `log p` alone; its code divides by
        the words if asked to. There and in the PyTorch tutorial of
        S. Vinodababu a caption without an end is none.

    Cost:
        `beam_size` steps of the decoder a word and image. On TensorFlow and JAX
        a step is compiled for every number of images in a batch.
    """
    arguments.positive_int("beam_size", beam_size)
    arguments.non_negative_float("length_penalty", length_penalty)
    arguments.positive_int("batch_size", batch_size)
    if not len(images):
        raise ValueError(
            arguments.invalid("images", images, "at least one image")
        )
    with _without_gradients():
        found = [
            _search(
                model,
                images[start : start + batch_size],
                beam_size,
                length_penalty,
            )
            for start in range(0, len(images), batch_size)
        ]
    tokens, scores, ended, attention = map(
        np.concatenate, zip(*found, strict=True)
    )
    texts = model.vocabulary.decode(tokens)
    return Captions(texts, tokens, scores, ended, attention)


def _search(model, images, k, penalty):
    """Tokens, scores, whether they ended and weights of one batch."""
    length, batch, step = model.length, len(images), word_step(model)
    features = model.encoder(ops.convert_to_tensor(images), training=False)
    memory, states = keras.tree.map_structure(
        lambda x: ops.repeat(x, k, axis=0), model.decoder.begin(features)
    )
    rows = np.arange(batch)[:, None]
    beams = _Beams(batch, k, length)
    best = _Beams(batch, 1, length)
    best.log_p[:] = -np.inf  # nothing has ended
    order = np.arange(batch * k, dtype="int32")
    last = np.full_like(order, START)
    for position in range(length):
        logits, states, weights = step((memory, states, order, last))
        logits = logits.astype("float64")
        logits[:, [PAD, START]] = -np.inf
        words = logits.shape[-1]
        log_p = _log_softmax(logits)
        weights = weights.reshape(batch, k, *weights.shape[1:])

        candidates = beams.log_p[..., None] + log_p.reshape(batch, k, words)
        candidates = candidates.reshape(batch, k * words)
        chosen = _largest(candidates, k)
        parents, said = np.divmod(chosen, words)
        beams.log_p = np.take_along_axis(candidates, chosen, 1)
        beams.tokens = beams.tokens[rows, parents]
        beams.tokens[:, :, position] = said
        beams.see(position, weights, rows, parents)

        # What has ended is compared, and makes no more words.
        done = (said == END) & np.isfinite(beams.log_p)
        if position == length - 1:
            # Where nothing has ended, what is there is better than nothing.
            nothing = ~done.any(1, keepdims=True) & np.isneginf(best.log_p)
            done |= nothing
        scores = np.where(
            done, beams.log_p / (position + 1) ** penalty, -np.inf
        )
        best.take_better(scores, beams)
        # No longer caption can become better than this.
        bound = beams.log_p / length**penalty
        beams.log_p[(said == END) | (bound <= best.log_p)] = -np.inf
        if np.isneginf(beams.log_p).all():
            break
        order = (rows * k + parents).ravel().astype("int32")
        last = said.ravel().astype("int32")
    tokens = best.tokens[:, 0]
    ended = (tokens == END).any(-1)
    return tokens, best.log_p[:, 0], ended, best.attention[:, 0]


class _Beams:
    """Beginnings of captions: tokens, their `log p`, and their weights."""

    def __init__(self, batch, k, length):
        self.tokens = np.full((batch, k, length), PAD, "int32")
        # All beams are alike at first: one of them is enough.
        self.log_p = np.full((batch, k), -np.inf)
        self.log_p[:, 0] = 0.0
        self.attention = None

    def see(self, position, weights, rows, parents):
        """Adds the weights `(batch, k, heads, height, width)` of a word."""
        if self.attention is None:
            batch, k, heads, *grid = weights.shape
            shape = (batch, k, heads, self.tokens.shape[-1], *grid)
            self.attention = np.zeros(shape, "float32")
        self.attention = self.attention[rows, parents]
        self.attention[:, :, :, position] = weights[rows, parents]

    def take_better(self, scores, others):
        """Replaces what is worse than the best of others."""
        winner = scores.argmax(1)
        images = np.arange(len(winner))
        better = scores[images, winner] > self.log_p[:, 0]
        if self.attention is None:
            self.attention = np.zeros_like(others.attention[:, :1])
        for name, value in (
            ("tokens", others.tokens),
            ("log_p", scores),
            ("attention", others.attention),
        ):
            getattr(self, name)[better, 0] = value[images, winner][better]


def _log_softmax(logits):
    """In a seventh of the time of `np.logaddexp.reduce`."""
    log_p = logits - logits.max(-1, keepdims=True)
    return log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))


def _largest(x, k):
    """The places of the `k` largest of every row, the first one in front."""
    places = np.argpartition(-x, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(x, places, 1), 1, kind="stable")
    return np.take_along_axis(places, order, 1)


def _without_gradients():
    """PyTorch would keep what a gradient needs."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.no_grad()
    return contextlib.nullcontext()
