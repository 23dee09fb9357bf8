"""Labels as people write them."""

import pickle

import numpy as np
import pytest

from keras_attention.datasets import labels as module
from keras_attention.datasets.array_labels import cell_labels
from keras_attention.datasets.array_labels import list_labels
from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import column_labels
from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import single_label
from keras_attention.datasets.problems import DataError
from keras_attention.datasets.problems import Problems


def lines(values):
    return [f"line {index + 2}" for index in range(len(values))]


def single(values, class_names=None):
    problems = Problems("t.csv", lines(values))
    result = single_label(values, problems, class_names)
    problems.raise_any()
    return result


@pytest.mark.parametrize(
    "values, labels, names",
    [
        (["dog", "cat", "dog"], [1, 0, 1], ("cat", "dog")),
        ([" dog", "cat ", "dog"], [1, 0, 1], ("cat", "dog")),
        (["10", "9", "10"], [1, 0, 1], ("9", "10")),
        ([10, 9, 10], [1, 0, 1], ("9", "10")),
        (["1.0", "0.0"], [1, 0], ("0", "1")),
        ([1.0, 0.0, np.float32(1)], [1, 0, 1], ("0", "1")),
        (["007", "010"], [0, 1], ("007", "010")),
        ([True, False], [1, 0], ("False", "True")),
        (
            ["naevus, dysplastic", "Größe"],
            [1, 0],
            ("Größe", "naevus, dysplastic"),
        ),
        (["v0.5", "0.5"], [1, 0], ("0.5", "v0.5")),
    ],
)
def test_classes_that_occur(values, labels, names):
    found, found_names = single(values)
    assert found.dtype == np.int64 and found.tolist() == labels
    assert found_names == names


def test_given_names_set_the_order_and_take_indices():
    names = ("malignant", "benign")
    assert single(["benign", "malignant"], names)[0].tolist() == [1, 0]
    assert single(["1.0", 0], names)[0].tolist() == [1, 0]
    # Names that are numbers are names: 1 is the first class here.
    assert single(["1", "2"], ("1", "2"))[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="line 2: '0' is none of the classes"):
        single(["0", "2"], ("1", "2"))
    assert single(["None", "mild"], ["None", "mild"])[0].tolist() == [0, 1]
    # A class may be absent, of a test set for instance.
    assert single(["mild"], ["None", "mild"])[0].tolist() == [1]


@pytest.mark.parametrize(
    "values, message",
    [
        (["cat", "", "dog"], r"line 3: the label is missing \(''\)"),
        (["cat", None, "dog"], "line 3: the label is missing"),
        (["cat", float("nan"), "dog"], r"line 3: the label is missing"),
        (
            ["cat", "  N/A ", "dog"],
            "line 3: .* missing .'N/A'; in class_names it w",
        ),
        (["0.3", "0.7", "1"], "line 2: 0.3 is a measurement, no class"),
        (["cat", "cat"], "only the class 'cat'; at least 2"),
        (["", None], "there is no classes|missing"),
        (["Cat", "dog", "cat"], "line 2 says 'Cat', line 4 says 'cat'"),
        (["1", "01", "2"], "line 3 says '01', line 2 says '1'"),
    ],
)
def test_what_is_no_label(values, message):
    with pytest.raises(ValueError, match=message):
        single(values)


def test_unknown_classes_name_the_nearest():
    with pytest.raises(ValueError) as raised:
        single(["melanom", "benign", "7"], ("benign", "melanoma"))
    message = str(raised.value)
    assert message.startswith("t.csv: 2 problems\n  line 2: 'melanom' is none")
    assert "Did you mean 'melanoma'?" in message
    assert "line 4: '7' is none of the classes 'benign', 'melanoma'" in message


def test_of_many_unknown_labels_few_are_compared_with_the_classes(monkeypatch):
    compared = []
    monkeypatch.setattr(
        module, "did_you_mean", lambda text, names: compared.append(text) or ""
    )
    words = [f"word {index % 100}" for index in range(500)]
    with pytest.raises(ValueError, match="500 problems"):
        single(words, ("a", "b"))
    assert compared == [f"word {index}" for index in range(module.HINTS)]


def test_five_are_named_and_all_are_counted():
    with pytest.raises(ValueError) as raised:
        single(["a", "b"] + [""] * 40)
    lines = str(raised.value).splitlines()
    assert lines[0] == "t.csv: 40 problems. The first 5:"
    assert len(lines) == 7 and lines[-1] == "  ... and 35 more"


@pytest.mark.parametrize(
    "names", ["ab", ("a",), ("a", "a"), ("a", ""), (0, 1), {"a", "b"}]
)
def test_class_names_are_checked(names):
    with pytest.raises(ValueError, match="argument class_names"):
        single(["a", "b"], names)
    assert check_class_names(np.array(["a", "b"])) == ("a", "b")


def cells(values, **options):
    problems = Problems("t.csv", lines(values))
    result = cell_labels(values, problems, ";", **options)
    problems.raise_any()
    return result


def test_several_words_in_a_cell():
    labels, names = cells(["dog; cat", "cat", "cat;dog;"])
    assert labels.dtype == np.float32 and names == ("cat", "dog")
    assert labels.tolist() == [[1, 1], [1, 0], [1, 1]]
    labels, names = cells(["b", "a;c"], class_names=("c", "b", "a"))
    assert labels.tolist() == [[0, 1, 0], [1, 0, 1]]
    with pytest.raises(ValueError, match="line 3: the label is missing"):
        cells(["a", ""])
    with pytest.raises(ValueError, match="line 3: the label is missing"):
        cells(["a", ";"])
    with pytest.raises(ValueError, match="line 2: 'x' is none of"):
        cells(["a;x"], class_names=("a", "b"))
    with pytest.raises(ValueError, match="line 2 says 'A', line 3 says 'a'"):
        cells(["b;A", "a"])
    with pytest.raises(ValueError, match="argument separator"):
        cell_labels(["a"], Problems("t"), "")


def columns(values, **options):
    problems = Problems("t.csv", lines(values))
    result = column_labels(values, problems, ("x", "y"), **options)
    problems.raise_any()
    return result[0]


def test_columns_of_zero_and_one():
    rows = [["1.0", "0"], [True, "False"], [1, np.int64(1)], ["0", 0.0]]
    labels = columns(rows)
    assert labels.dtype == np.float32
    assert labels.tolist() == [[1, 0], [1, 0], [1, 1], [0, 0]]
    single_ones = [["0.0", "1.0"], ["1", "0"]]
    assert columns(single_ones).shape == (2, 2)  # multi-label unless asked
    labels = columns(single_ones, one_hot=True)
    assert labels.dtype == np.int64 and labels.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_arrays_are_columns_as_cells_are(dtype, monkeypatch):
    array = np.random.default_rng(0).integers(0, 2, (50, 2)).astype(dtype)
    expected = columns(array.tolist())
    # Of a million images each number would be made a text.
    monkeypatch.setattr(module, "text_of", None)
    assert columns(array).tolist() == expected.tolist()
    monkeypatch.undo()
    if dtype != "bool":
        array[:2] = [[1, 1], [2, 1]]
        with pytest.raises(
            ValueError, match="1 problem\n.*'x' is '2', neither"
        ):
            columns(array)
        with pytest.raises(
            ValueError, match="line 2: 2 classes are 1, not one"
        ):
            columns(array, one_hot=True)


@pytest.mark.parametrize(
    "row, message",
    [
        (["0.5", "1"], "line 3: the label 'x' is '0.5', neither 0 nor 1"),
        (["0", "-1"], "line 3: the label 'y' is '-1', neither 0 nor 1"),
        (["", "1"], "line 3: the label 'x' is missing"),
        (["0", float("nan")], "line 3: the label 'y' is missing"),
        (["0", "0"], "line 3: 0 classes are 1, not one"),
        (["1", "1"], "line 3: 2 classes are 1, not one"),
    ],
)
def test_columns_that_are_no_labels(row, message):
    with pytest.raises(ValueError, match=message) as raised:
        columns([["0", "1"], row], one_hot=True)
    assert "1 problem\n" in str(raised.value)


def test_what_counts_as_missing():
    for value in (None, float("nan"), np.nan, "", " ", "NaN", "na", "<NA>"):
        assert is_missing(value)
    for value in (0, False, "0", "no", "nana"):
        assert not is_missing(value)


def lists(values, **options):
    problems = Problems("t.csv", lines(values))
    result = list_labels(values, problems, **options)
    problems.raise_any()
    return result


@pytest.mark.parametrize(
    "cell",
    [
        ["dog", "cat"],
        ("dog", "cat"),
        {"dog", "cat"},
        np.array(["dog", "cat"]),
        "['dog', 'cat']",
        '["dog","cat"]',
        " ['dog' , 'cat',] ",
    ],
)
def test_lists_in_their_forms(cell):
    labels, names = lists([cell, ["cat"], "[]"])
    assert labels.dtype == np.float32 and names == ("cat", "dog")
    assert labels.tolist() == [[1, 1], [1, 0], [0, 0]]


def test_lists_of_numbers_and_of_quotes():
    assert lists(["[1, 2.0]", "[2]"])[1] == ("1", "2")
    words = lists([r"['it\'s', 'a, b']", '["[x"]'])[1]
    assert words == ("[x", "a, b", "it's")


@pytest.mark.parametrize(
    "cell, message",
    [
        ("cat", "line 3: the label 'cat' is no list, as those of other rows"),
        (None, "line 3: the label is missing"),
        ("[cat]", r"line 3: the label '\[cat\]' is no list"),
        ("[__import__('os')]", "line 3: .* is no list"),
        ("[" * 5000 + "]" * 5000, "line 3: .* is no list"),
        (["x"], "line 3: 'x' is none of the classes"),
        ([["cat"]], r"line 3: the label \['cat'\] is neither a word"),
    ],
)
def test_lists_that_are_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        lists([["cat", "dog"], cell], class_names=("cat", "dog"))


@pytest.mark.parametrize(
    "value, message",
    [
        ({}, "line 4: the label {} is neither a word nor a number"),
        ("{}", "line 4: the label {} is neither"),
        ("[cat, dog]", r"line 4: the label \[cat, dog\] is neither"),
        (["a"], r"line 4: the label \['a'\] is neither"),
        ("a\0b", r"line 4: the label 'a\\x00b' is no text"),
        ("\ud800", r"line 4: the label '\\ud800' is no text"),
        (b"\xff", "line 4: the label '\ufffd' is no text"),
    ],
)
def test_what_is_neither_a_word_nor_a_number(value, message):
    with pytest.raises(ValueError, match=message) as raised:
        single(["cat", "dog", value])
    assert len(raised.value.problems) == 1
    if isinstance(value, str):  # unless it was given as a class
        assert single([value, "x"], ("x", value))[0].tolist() == [1, 0]


def test_the_error_carries_every_problem():
    with pytest.raises(DataError) as raised:
        single(["a", "b"] + [""] * 40)
    assert len(raised.value.problems) == 40
    assert raised.value.problems[39].startswith("line 43: ")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert str(copy) == str(raised.value)
    assert copy.problems == raised.value.problems
