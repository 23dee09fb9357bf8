"""Captions to numbers and back, and files of captions."""

import json

import numpy as np
import pytest

from keras_attention.tasks import captioning

WORDS = captioning.Vocabulary(["a", "dog", "runs"])


def test_captions_of_every_kind_have_a_defined_form():
    rows = {
        "A dog runs!": [1, 4, 5, 6, 2, 0],
        "": [1, 2, 0, 0, 0, 0],
        " ?! ": [1, 2, 0, 0, 0, 0],
        "Über 猫": [1, 3, 3, 2, 0, 0],  # none of these words is known
        "a a a a": [1, 4, 4, 4, 4, 2],
    }
    tokens = WORDS.encode(list(rows), length=5)
    assert tokens.tolist() == list(rows.values()) and tokens.dtype == "int32"
    said = ["a dog runs", "", "", "<unknown> <unknown>", "a a a a"]
    assert WORDS.decode(tokens) == said
    assert WORDS.decode(np.zeros(4, int)) == ""  # all padding


def test_what_is_too_long_or_no_text_is_refused():
    with pytest.raises(ValueError, match="at most 4 words.*5 words, 'a a a a"):
        WORDS.encode(["dog", "a a a a a"], length=5)
    cut = WORDS.encode(["a dog runs a dog"], length=3, truncate=True)
    assert cut.tolist() == [[1, 4, 5, 6]]
    with pytest.raises(ValueError, match="bytes are decoded first"):
        WORDS.encode([b"a dog"], length=5)
    with pytest.raises(ValueError, match="numbers of 0 to 6"):
        WORDS.decode([7])


def test_words_by_count_then_alphabet():
    captions = [["b a c", "b"], ["a d"]]
    words = captioning.Vocabulary.from_captions
    assert words(captions).words == ["a", "b", "c", "d"]
    assert words(captions, min_count=2).words == ["a", "b"]
    assert words(captions, max_words=3).words == ["a", "b", "c"]
    with pytest.raises(ValueError, match="some words"):
        words(["", "!"])
    with pytest.raises(ValueError, match="each once.*'a', 'a'|each once.*'a'"):
        captioning.Vocabulary(["a", "b", "a"])
    with pytest.raises(ValueError, match="single words.*'Dog'"):
        captioning.Vocabulary(["Dog"])


def test_files_that_were_changed_are_refused(tmp_path):
    path = tmp_path / "words.json"
    WORDS.save(path)
    again = captioning.Vocabulary.load(path)
    assert again == WORDS and again.hash == WORDS.hash
    path.write_text(path.read_text().replace("dog", "cat"))
    with pytest.raises(ValueError, match="not that of the file"):
        captioning.Vocabulary.load(path)
    for content in (b"{}", b"[", b"\xff", b'{"words": 3}'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no vocabulary"):
            captioning.Vocabulary.load(path)


def test_both_forms_of_caption_files(tmp_path):
    path = tmp_path / "captions.json"
    images = [{"id": 7, "file_name": "7.jpg"}, {"id": 8, "file_name": "8.jpg"}]
    said = [(8, "A dog."), (7, "A cat."), (8, "It runs.")]
    annotations = [{"image_id": i, "caption": text} for i, text in said]
    content = {"images": images, "annotations": annotations}
    path.write_text(json.dumps(content))
    assert captioning.read_captions(path) == [
        ("7.jpg", "", ["A cat."]),
        ("8.jpg", "", ["A dog.", "It runs."]),
    ]
    content["annotations"] = annotations[1:2]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="without captions: '8.jpg'"):
        captioning.read_captions(path)
    image = {
        "filepath": "val2014",
        "filename": "9.jpg",
        "split": "restval",
        "sentences": [{"raw": "A dog."}],
    }
    path.write_text(json.dumps({"images": [image]}))
    (found,) = captioning.read_captions(path)
    assert found == ("val2014/9.jpg", "restval", ["A dog."])
    for other in (b"\xff", b"[]", b'{"images": [{}]}'):
        path.write_bytes(other)
        with pytest.raises(ValueError, match="neither in COCO's nor"):
            captioning.read_captions(path)


def test_captions_of_tfds_in_every_form():
    texts = np.array([b"A dog.", "Ein Hund läuft.".encode()], object)
    expected = ["A dog.", "Ein Hund läuft."]
    captions_of = captioning.captions_of
    assert captions_of({"captions": texts}) == expected
    assert captions_of({"captions": {"text": texts, "id": [1, 2]}}) == expected
    assert captions_of({"caption": texts[0]}) == expected[:1]
    assert captions_of({"caption": "A dog."}) == expected[:1]
    for other in ({"image": 0}, {"captions": {"id": [1]}}, {"captions": []}):
        with pytest.raises(ValueError, match="expected captions as"):
            captions_of(other)
