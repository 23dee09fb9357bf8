"""Captions beside references: cases worked by hand.

On 53 captions of COCO all numbers are those of pycocoevalcap 1.2 and BLEU that
of nltk 3.10 too, to 1e-9.
"""

import numpy as np
import pytest

from keras_attention import metrics


def test_bleu_by_hand():
    # 5 words said, of which "the" counts once; 3 of 4 pairs, 2 of 3 triples,
    # 1 of 2 quadruples; the nearer reference has 6 words.
    said = ["The cat sat on the"]
    references = [["A cat sat on the mat", "there is a cat on a mat today"]]
    # the: once in the first reference; cat, sat, on
    shares = np.array([4 / 5, 3 / 4, 2 / 3, 1 / 2])
    expected = np.exp(np.cumsum(np.log(shares)) / [1, 2, 3, 4])
    without = metrics.bleu(said, references, brevity_penalty=False)
    np.testing.assert_allclose(without, expected)
    found = metrics.bleu(said, references)
    np.testing.assert_allclose(found, np.exp(1 - 6 / 5) * expected)
    assert metrics.bleu(["dog"], references) == (0, 0, 0, 0)
    assert metrics.bleu([""], references) == (0, 0, 0, 0)


def test_bleu_is_counted_over_the_set():
    said = ["a b", "c d e"]
    references = [["a b"], ["c d f", "e"]]  # 5 of 5 words, 2 of 3 pairs
    found = metrics.bleu(said, references)
    np.testing.assert_allclose(found[:2], [1, np.sqrt(2 / 3)])


def test_rouge_by_hand():
    # a b d are in order in both: 3 of 4 words said, 3 of 3 and 3 of 6.
    said, references = ["a b c d"], [["a b d", "a b x d y z"]]
    precision, recall = 3 / 4, 1
    expected = 2.44 * precision * recall / (recall + 1.44 * precision)
    assert metrics.rouge_l(said, references) == pytest.approx(expected)
    assert metrics.rouge_l(["", "a"], [["a"], ["a"]]) == 0.5


def test_cider_by_hand():
    # Of two images: "a" is in the references of both and counts nothing, "b"
    # and "a b" in one. Phrases of three and four words there are none.
    said, references = ["a b", "c"], [["a b"], ["a c"]]
    # Said of the second image: "c" alone, its only rare word. By hand: cosine
    # 1 for single words, 0 for pairs, which it has none of; one word shorter.
    expected = (10 * (1 + 1) / 4 + 10 * 1 / 4 * np.exp(-1 / 72)) / 2
    assert metrics.cider_d(said, references) == pytest.approx(expected)
    # "b" twice is clipped, and longer.
    twice = metrics.cider_d(["b b", "c"], references)
    one = 10 / 4 * (1 / 2) + 10 / 4 * np.exp(-1 / 72)
    assert twice == pytest.approx(one / 2)
    assert metrics.cider_d(["a b"], [["a b"]]) == 0  # nothing is rare


def test_all_numbers_together():
    said, references = ["a b c d", "e"], [["A b, c d."], ["f"]]
    scores = metrics.caption_scores(said, references)
    assert scores["exact_match"] == 0.5
    assert scores["bleu_1"] == pytest.approx(4 / 5)
    assert scores["rouge_l"] == 0.5
    assert list(scores)[-1] == "cider_d" and len(scores) == 11


def test_what_is_refused():
    for said, references, message in [
        (["a"], [["a"], ["b"]], "1 candidates and 2 references"),
        ([], [], "at least one"),
        (["a"], ["a"], "a list of captions an image"),
        (["a"], [[]], "not empty"),
        ([None], [["a"]], "a text"),
    ]:
        with pytest.raises(ValueError, match=message):
            metrics.caption_scores(said, references)
