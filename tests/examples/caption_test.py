"""Which words name which digit, and where the attention has to be for it."""

import pathlib
import types

import keras
import numpy as np
import pytest

from keras_attention.tasks.captioning import Captions
from keras_attention.tasks.captioning import Vocabulary
from keras_attention.tasks.captioning.attention_cell import Memory

FOLDER = pathlib.Path(__file__).parents[2] / "examples"
WORDS = Vocabulary(
    ["a", "zero", "one", "two", "three", "four"]
    + ["five", "six", "seven", "eight", "nine"]
)


@pytest.fixture
def caption(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import caption

    return caption


@pytest.fixture
def looks(caption):
    return caption.caption_looks


@pytest.fixture
def rows(caption):
    return caption.caption_rows


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


def test_words_are_those_of_the_digits_that_are_there(looks):
    texts = ["a three at the top and an eight", "a one and a two"]
    found = looks.naming(texts, DATA).tolist()
    assert found == [[0, 1, 0], [0, 7, 1], [1, 1, 0]]  # a two is not there
    assert looks.naming(["a", ""], DATA).shape == (0, 3)


def test_attention_is_measured_on_the_digit_that_a_word_names(looks):
    texts = ["a three at the top and an eight", "a two"]
    attention = np.zeros((2, 1, 8, 2, 2))
    attention[0, 0, 1] = [[0.7, 0.1], [0.1, 0.1]]  # the three's corner
    attention[0, 0, 7] = [[0.1, 0.1], [0.3, 0.5]]  # the eight's
    attention[0, 0, [0, 6]] = 0.25  # their articles look nowhere
    said = Captions(texts, np.zeros((2, 8)), None, None, attention)
    found = looks.numbers(said, DATA, 48)
    assert found["on_digit_name"] == pytest.approx(0.6)
    assert found["on_digit_article"] == pytest.approx(0.25)
    assert found["uniform"] == 0.25
    assert found["digits_named"] == 0.5 and found["exact_match"] == 0.5


def test_captions_lose_their_articles_and_nothing_else(caption):
    arguments = {"digits": 2, "articles": True}
    whole = caption.caption_recipe.digits(arguments, "train", 2)["captions"]
    assert whole[0] == "a zero at the centre and a one at the bottom"
    short = caption.caption_recipe.digits(
        {**arguments, "articles": False}, "train", 2
    )
    assert short["captions"][0] == "zero at the centre and one at the bottom"


class Namer:
    """Says an article, then the digit whose key is highest anywhere."""

    def begin(self, keys):
        return Memory(None, keys), 0

    def step(self, memory, said, tokens):
        logits = np.zeros((len(tokens), len(WORDS)))
        best = keras.ops.convert_to_numpy(memory.keys).max((1, 2))  # (b, 10)
        logits[:, -10:] = best if said else 0.0
        logits[:, WORDS.encode(["a"], 2)[0, 1]] = 1.0 - 2 * said
        return logits, said + 1, None


def test_a_blind_word_sees_all_positions_alike(looks):
    keys = np.zeros((2, 1, 4, 10), "float32")
    for image, digit in enumerate((3, 1)):
        keys[image, 0, 2, digit] = 1.0
        keys[image, 0, :, 9] = 0.3  # seen everywhere, so on average it is most
    encoder = types.SimpleNamespace(predict=lambda images, verbose: images)
    model = types.SimpleNamespace(
        vocabulary=WORDS, decoder=Namer(), encoder=encoder
    )
    data = {**DATA, "image": keys}
    assert looks.named_without(model, data) == 1.0
    assert looks.named_without(model, data, blind=0) == 1.0
    assert looks.named_without(model, data, blind=1) == 0.0


def test_a_row_that_is_there_is_not_trained_again(rows, tmp_path):
    path, settings = tmp_path / "results.json", {"units": 4}
    runs = [{"attention": "soft", "seed": seed} for seed in (0, 1)]
    assert rows.missing(path, settings, runs) == runs
    rows.add(path, settings, [{**runs[0], "exact_match": 0.5}])
    assert rows.missing(path, settings, runs) == runs[1:]
    rows.add(path, settings, [{**runs[1], "exact_match": 0.25}])
    assert rows.missing(path, settings, runs) == []
    assert len(rows.opened(path, settings)["rows"]) == 2
    with pytest.raises(ValueError, match="other settings"):
        rows.missing(path, {"units": 5}, runs)
