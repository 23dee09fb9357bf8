"""How near captions are to what people said: ROUGE-L, CIDEr-D, and the rest.

Written here because COCO's evaluation, `pycocoevalcap`, runs Java for words
and METEOR, and no other kept package has CIDEr-D. BLEU is sacrebleu's.
"""

import collections

import numpy as np

from keras_attention.metrics.bleu import bleu
from keras_attention.metrics.references import checked_captions

_LONGEST = 4  # words of a phrase


def exact_match(candidates, references):
    """The share of captions that are word for word one of their references.

    Args:
        candidates: list of str, a caption an image.
        references: list of lists of str, one or more an image.

    Returns:
        A float in `[0, 1]`.

    Raises:
        ValueError: As `bleu`.

    Example:

    >>> exact_match(["A dog.", "a cat"], [["a dog", "a puppy"], ["a dog"]])
    0.5
    """
    candidates, references = checked_captions(candidates, references)
    pairs = zip(candidates, references, strict=True)
    return float(np.mean([said in own for said, own in pairs]))


def rouge_l(candidates, references):
    """ROUGE-L: the longest common subsequence of words, as an F-measure.

    `(1 + b^2) P R / (R + b^2 P)` with `b = 1.2`, where `P` is the largest share
    of a caption that is a subsequence of a reference, and `R` the largest share
    of a reference that is one of the caption; the mean over images.

    Args:
        candidates: list of str, a caption an image.
        references: list of lists of str, one or more an image.

    Returns:
        A float in `[0, 1]`.

    Raises:
        ValueError: As `bleu`.

    Example: of "a dog runs" two words are in "a black dog".

    >>> round(rouge_l(["a dog runs"], [["a black dog"]]), 4)
    0.6667

    Reference:
        Lin: ROUGE: A Package for Automatic Evaluation of Summaries. 2004.

    Differs from the paper:
        `b` and the two maxima are those of COCO's evaluation.
    """
    candidates, references = checked_captions(candidates, references)
    scores = []
    for said, own in zip(candidates, references, strict=True):
        common = [_common(said, words) for words in own]
        lengths = [max(len(words), 1) for words in own]
        precision = max(common) / max(len(said), 1)
        recall = max(np.divide(common, lengths))
        total = recall + 1.44 * precision
        scores.append(2.44 * precision * recall / total if total else 0.0)
    return float(np.mean(scores))


def cider_d(candidates, references):
    """CIDEr-D: phrases that people use of this image, and not of others.

    For phrases of `n` words, vectors of how often each is said times the
    logarithm of the images by those whose references have it. The score is
    `10 mean_n mean_r exp(-d^2 / 72) min(c, r) . r / (|c| |r|)` for a caption
    `c`, its references `r` and the difference `d` of their lengths; the mean
    over images.

    Args:
        candidates: list of str, a caption an image.
        references: list of lists of str, one or more an image. What is rare is
            counted over this set, so that scores of different sets do not
            compare; of a single image nothing is, and the score is 0.

    Returns:
        A float in `[0, 10]`.

    Raises:
        ValueError: As `bleu`.

    Example:

    >>> said = ["a dog runs fast", "a cat sits down"]
    >>> cider_d(said, [[text] for text in said])
    10.0

    Reference:
        Vedantam et al.: CIDEr: Consensus-based Image Description Evaluation.
        CVPR 2015.

    Differs from the paper:
        As in COCO's evaluation, words are not stemmed.
    """
    candidates, references = checked_captions(candidates, references)
    phrases = [[_phrases(words) for words in own] for own in references]
    images_with = collections.Counter()
    for own in phrases:
        images_with.update({phrase for counts in own for phrase in counts})
    rarity = {
        phrase: np.log(len(references) / count)
        for phrase, count in images_with.items()
    }
    unseen = np.log(len(references))
    scores = []
    for said, own, found in zip(candidates, references, phrases, strict=True):
        vectors = _vectors(_phrases(said), rarity, unseen)
        similar = [
            _similarity(vectors, _vectors(counts, rarity, unseen))
            * np.exp(-((len(said) - len(words)) ** 2) / 72)
            for words, counts in zip(own, found, strict=True)
        ]
        scores.append(10 * np.mean(similar))
    return float(np.mean(scores))


def caption_scores(candidates, references):
    """All numbers of a set of captions.

    Args:
        candidates: list of str, a caption an image.
        references: list of lists of str, one or more an image.

    Returns:
        A dict of floats: `exact_match`, `bleu_1` to `bleu_4`, the same as
        `bleu_1_without_penalty` and so on, `rouge_l` and `cider_d`.

    Raises:
        ValueError: As `bleu`.

    Example:

    >>> said = ["a dog runs fast", "a cat sits down"]
    >>> caption_scores(said, [[text] for text in said])["cider_d"]
    10.0
    """
    found = {"exact_match": exact_match(candidates, references)}
    for suffix, penalty in (("", True), ("_without_penalty", False)):
        scores = bleu(candidates, references, penalty)
        for n, score in enumerate(scores, 1):
            found[f"bleu_{n}{suffix}"] = score
    found["rouge_l"] = rouge_l(candidates, references)
    found["cider_d"] = cider_d(candidates, references)
    return found


def _common(one, other):
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = row
        row = [0]
        for place, same in enumerate(other):
            longer = before[place] + 1 if word == same else 0
            row.append(max(longer, before[place + 1], row[place]))
    return row[-1]


def _phrases(words):
    """How often each phrase of up to four words occurs."""
    return collections.Counter(
        tuple(words[start : start + n])
        for n in range(1, _LONGEST + 1)
        for start in range(len(words) - n + 1)
    )


def _vectors(counts, rarity, unseen):
    """A vector for every length of phrases."""
    vectors = [{} for _ in range(_LONGEST)]
    for phrase, count in counts.items():
        weight = count * rarity.get(phrase, unseen)
        vectors[len(phrase) - 1][phrase] = weight
    return vectors


def _similarity(said, reference):
    """The mean over lengths of clipped cosines."""
    cosines = []
    for one, other in zip(said, reference, strict=True):
        product = sum(
            min(weight, other.get(phrase, 0.0)) * other.get(phrase, 0.0)
            for phrase, weight in one.items()
        )
        squares = [
            sum(weight**2 for weight in vector.values())
            for vector in (one, other)
        ]
        norm = np.sqrt(np.prod(squares))
        cosines.append(product / norm if norm else 0.0)
    return np.mean(cosines)
