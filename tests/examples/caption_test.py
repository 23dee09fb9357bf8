"""Which words name which digit, and where the attention has to be for it."""

import pathlib

import numpy as np
import pytest

from keras_attention.tasks.captioning import Captions

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def caption(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import caption

    return caption


DATA = {
    "labels": np.array([[3, 8], [1, 1]]),
    "boxes": np.array(
        [
            [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]],
            [[0.0, 0.5, 0.5, 1.0], [0.5, 0.0, 1.0, 0.5]],
        ]
    ),
    "captions": ["a three at the top and an eight", "a one at the top"],
}


def test_words_are_those_of_the_digits_that_are_there(caption):
    texts = ["a three at the top and an eight", "a one and a two"]
    found = caption.naming(texts, DATA).tolist()
    assert found == [[0, 1, 0], [0, 7, 1], [1, 1, 0]]  # a two is not there
    assert caption.naming(["a", ""], DATA).shape == (0, 3)


def test_attention_is_measured_on_the_digit_that_a_word_names(caption):
    texts = ["a three at the top and an eight", "a two"]
    attention = np.zeros((2, 1, 8, 2, 2))
    attention[0, 0, 1] = [[0.7, 0.1], [0.1, 0.1]]  # the three's corner
    attention[0, 0, 7] = [[0.1, 0.1], [0.3, 0.5]]  # the eight's
    attention[0, 0, [0, 6]] = 0.25  # their articles look nowhere
    said = Captions(texts, np.zeros((2, 8)), None, None, attention)
    found = caption.numbers(said, DATA)
    assert found["on_digit"] == pytest.approx(0.6)
    assert found["on_digit_article"] == pytest.approx(0.25)
    assert found["uniform"] == 0.25 and found["lift"] == pytest.approx(2.4)
    assert found["digits_named"] == 0.5 and found["exact_match"] == 0.5


def test_captions_lose_their_articles_and_nothing_else(caption):
    arguments = {"digits": 2, "articles": True}
    whole = caption.digits(arguments, "train", 2)["captions"]
    assert whole[0] == "a zero at the centre and a one at the bottom"
    short = caption.digits({**arguments, "articles": False}, "train", 2)
    assert short["captions"][0] == "zero at the centre and one at the bottom"
