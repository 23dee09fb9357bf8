"""Counting agrees with going through all combinations."""

import pytest

from keras_attention.tuning.space.combinations import describe_space
from keras_attention.tuning.space.combinations import enumerate_space
from keras_attention.tuning.space.combinations import size_of


def nested(hp):
    hp.Int("depth", 2, 8, step=3)
    hp.Fixed("classes", 3)
    hp.Choice("kind", ["none", "se", "pool"])
    with hp.conditional_scope("kind", ["se", "pool"]):
        hp.Boolean("start")
    with hp.conditional_scope("kind", ["pool"]):
        hp.Choice("alignment", ["softmax", "sigmoid"])
        with hp.conditional_scope("alignment", ["softmax"]):
            hp.Float("temperature", 0.5, 1.5, step=0.5)


def test_counts_what_can_be_enumerated():
    found = list(enumerate_space(nested))
    # 3 depths; none, 2 of se, 2 * (3 + 1) of pool
    assert size_of(nested) == len(found) == 3 * (1 + 2 + 8)
    assert len({tuple(sorted(values.items())) for values in found}) == 33
    for values in found:
        assert ("temperature" in values) == (
            values.get("alignment") == "softmax"
        )


def test_large_spaces_are_counted_at_once():
    def large(hp):
        for number in range(60):
            hp.Choice(f"hp{number}", [1, 2])

    assert size_of(large) == 2**60


def test_continuous_spaces_have_no_size():
    def continuous(hp):
        hp.Float("rate", 0.1, 1.0)

    assert size_of(continuous) is None
    with pytest.raises(ValueError, match="'rate' is continuous"):
        enumerate_space(continuous)


def test_one_name_in_two_scopes():
    def twice(hp):
        hp.Choice("kind", ["se", "cbam", "eca"])
        for kind in ("se", "cbam"):
            with hp.conditional_scope("kind", [kind]):
                hp.Choice("ratio", [4, 8])

    assert size_of(twice) == len(list(enumerate_space(twice))) == 5


def test_what_a_space_costs_is_said():
    words = describe_space(nested)
    assert words.startswith("Hyperparameters: 6; combinations: 33.")
    # One in three has a pool, and half of these an alignment of each kind.
    assert "the 2 values of alignment, three trials of each, takes 18" in words

    def small(hp):
        hp.Choice("kind", ["none", "se"])

    assert describe_space(small) == (
        "Hyperparameters: 1; combinations: 2. A grid search goes through all "
        "of them."
    )

    def continuous(hp):
        hp.Float("rate", 0.1, 1.0)

    assert describe_space(continuous) == (
        "Hyperparameters: 1; combinations: infinitely many. Among 20 random "
        "trials is one of the best 14 % in 19 of 20 searches."
    )
    words = describe_space(lambda hp: None)
    assert words.startswith("Hyperparameters: 0; combinations: 1.")
