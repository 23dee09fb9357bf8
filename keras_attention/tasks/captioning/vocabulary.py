"""Captions as numbers: which words a model knows, and in which order.

`keras.layers.TextVectorization` needs TensorFlow on every backend and has no
way back from numbers to words; this is a list of words.
"""

import collections
import hashlib
import json
import pathlib

import keras
import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.caption_words import caption_words
from keras_attention.internals.files import write_text
from keras_attention.internals.words import few

PAD, START, END, UNKNOWN = range(4)
_SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")


@keras.saving.register_keras_serializable(package="keras_attention")
class Vocabulary:
    """The words a captioning model knows, by number.

    0 is padding, 1 the start and 2 the end of a caption, 3 any word that is
    not known; the words follow. Words are lower case, without punctuation.

    Args:
        words: list of str, the known words, each once.

    Raises:
        ValueError: For no words, words that occur twice, and texts that are no
            single word.

    Example:

    >>> vocabulary = Vocabulary.from_captions(["A dog runs.", "A cat"])
    >>> vocabulary.words
    ['a', 'cat', 'dog', 'runs']
    >>> print(vocabulary.encode(["a dog", "a red cat"], length=4))
    [[1 4 6 2 0]
     [1 4 3 5 2]]
    >>> vocabulary.decode([1, 4, 6, 2, 0])
    'a dog'

    See also:
        `CaptioningModel`, which keeps its vocabulary and refuses others.
    """

    def __init__(self, words):
        words = list(words)
        if not words:
            raise ValueError(arguments.invalid("words", words, "some words"))
        odd = [w for w in words if caption_words(w) != [w]]
        if odd or len({*words}) < len(words):
            counts = collections.Counter(words)
            odd = odd or [word for word, count in counts.items() if count > 1]
            raise ValueError(
                "Invalid value for argument words: expected single words in "
                f"lower case, each once. Received: {few(odd)}"
            )
        self.words = words
        self._ids = {word: i for i, word in enumerate(words, len(_SPECIAL))}

    @classmethod
    def from_captions(cls, captions, min_count=1, max_words=None):
        """The words of captions, the most frequent first, then by alphabet.

        Args:
            captions: list of str, or of lists of str, several an image.
            min_count: int, how often a word must occur. Defaults to `1`.
            max_words: int or `None`, how many words to keep at most. Defaults
                to `None`.
        """
        arguments.positive_int("min_count", min_count)
        arguments.positive_int("max_words", max_words, optional=True)
        counts = collections.Counter(
            word
            for caption in _flat(captions)
            for word in caption_words(caption)
        )
        kept = [word for word in counts if counts[word] >= min_count]
        kept.sort(key=lambda word: (-counts[word], word))
        return cls(kept[:max_words])

    def __len__(self):
        return len(_SPECIAL) + len(self.words)

    def __eq__(self, other):
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self):
        return hash(tuple(self.words))

    @property
    def hash(self):
        """SHA-256 of the words in their order, hexadecimal."""
        text = "\n".join((*_SPECIAL, *self.words))
        return hashlib.sha256(text.encode()).hexdigest()

    def encode(self, captions, length, truncate=False):
        """Numbers `(captions, length + 1)`, int32, the start in front.

        Columns up to the last are what a model has seen when it says those
        from the second on. An empty caption is a start and an end.

        Args:
            captions: list of str.
            length: int, longest caption, its end included.
            truncate: bool, whether longer captions lose what is too long, and
                so their end. Defaults to `False`.

        Raises:
            ValueError: For longer captions, unless they are truncated.
        """
        arguments.positive_int("length", length)
        tokens = np.full((len(captions), length + 1), PAD, "int32")
        for row, caption in zip(tokens, captions, strict=True):
            words = caption_words(caption)
            ids = [START, *(self._ids.get(w, UNKNOWN) for w in words), END]
            if len(ids) > len(row) and not truncate:
                raise ValueError(
                    "Invalid value for argument captions: expected at most "
                    f"{length - 1} words and an end, or truncate=True. "
                    f"Received: {len(words)} words, {caption!r}"
                )
            row[: len(ids)] = ids[: len(row)]
        return tokens

    def decode(self, tokens):
        """The text of numbers, up to the end, without start and padding.

        Args:
            tokens: int array `(length,)`; of rank 2 they are a list of texts.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim == 2:
            return [self.decode(row) for row in tokens]
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(self):
            expected = f"numbers of 0 to {len(self) - 1}"
            raise ValueError(arguments.invalid("tokens", tokens, expected))
        (ends,) = np.nonzero(tokens == END)
        known = [*_SPECIAL, *self.words]
        said = tokens[: ends[0]] if ends.size else tokens
        return " ".join(known[i] for i in said if i not in (PAD, START))

    def save(self, path):
        """Writes the words and their hash as JSON.

        Args:
            path: str or path, of the file.
        """
        content = {"hash": self.hash, "words": self.words}
        write_text(path, json.dumps(content, ensure_ascii=False, indent=1))

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Args:
            path: str or path, of the file.

        Raises:
            ValueError: If the file is no vocabulary, or was changed.
        """
        try:
            content = json.loads(pathlib.Path(path).read_text("utf-8"))
            vocabulary = cls(content["words"])
            saved = content["hash"]
        except (KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is no vocabulary: {error}") from (
                error
            )
        vocabulary.expect_hash(saved, f"the file {str(path)!r}")
        return vocabulary

    def expect_hash(self, other, whose):
        """Raises `ValueError` unless a hash is that of this vocabulary.

        Args:
            other: str, the hash.
            whose: str, what has it, for the message.
        """
        if other != self.hash:
            raise ValueError(
                f"This vocabulary of {len(self)} tokens is not that of {whose}:"
                f" words would be taken for others. Received: hash "
                f"{other[:12]}..., expected {self.hash[:12]}..."
            )

    def get_config(self):
        """The constructor's arguments."""
        return {"words": self.words}

    @classmethod
    def from_config(cls, config):
        """From the constructor's arguments."""
        return cls(**config)


def _flat(captions):
    for caption in captions:
        if isinstance(caption, list | tuple):
            yield from caption
        else:
            yield caption
