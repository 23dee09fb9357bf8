import copy
import pickle
import tracemalloc

import keras
import numpy as np
import pytest

from keras_attention.datasets.duplicates import check_disjoint
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.info import Splits
from keras_attention.datasets.sampling import class_weights
from keras_attention.datasets.splits import folds
from keras_attention.datasets.splits import split

# Of scikit-learn, about classes it cannot divide.
pytestmark = pytest.mark.filterwarnings("error")


def make(labels, groups=None, names=None, classes=None):
    """Examples whose four pixels are the bytes of their number."""
    labels = np.asarray(labels)
    count = len(labels)
    images = np.arange(count, dtype="uint32").view("uint8")
    images = images.reshape(count, 1, 4, 1)
    classes = classes or int(labels.max()) + 1
    return Examples(
        images,
        labels,
        tuple(f"class {index}" for index in range(classes)),
        names or tuple(f"{index}.png" for index in range(count)),
        groups=None if groups is None else np.asarray(groups),
    )


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def names(*parts):
    return sorted(name for part in parts for name in part.names)


def shares_of(part, examples):
    total = np.bincount(examples.labels, minlength=examples.classes)
    return np.bincount(part.labels, minlength=examples.classes) / total


def random_examples(seed, grouped, mixed=False):
    """Groups of one class each, or of any."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 5))
    units = int(rng.integers(60, 90))
    sizes = rng.integers(1, 6, units) if grouped else np.ones(units, int)
    groups = np.repeat(rng.permutation(units), sizes)
    labels = (np.arange(units) % classes)[groups]
    if mixed:
        labels = rng.integers(classes, size=len(groups))
    order = rng.permutation(len(groups))
    groups = np.array([f"patient {group}" for group in groups[order]])
    return make(labels[order], groups if grouped else None)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
def test_every_example_is_in_one_part_with_its_group(seed, stratify, grouped):
    examples = random_examples(seed, grouped, mixed=seed % 2)
    parts = split(examples, stratify=stratify, seed=seed)
    assert names(*parts) == names(examples)
    assert list(parts.info.sizes.values()) == [len(part) for part in parts]
    assert sum(parts.info.sizes.values()) == len(examples)
    if grouped:
        groups = [set(part.groups) for part in parts]
        assert sum(map(len, groups)) == len(set(examples.groups))
    if stratify:
        for part in parts:
            assert np.all(shares_of(part, examples) > 0)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
def test_each_example_is_validated_once(seed, stratify, grouped):
    examples = random_examples(seed, grouped, mixed=seed % 2)
    k = 2 + seed % 4
    pairs = list(folds(examples, k, stratify=stratify, seed=seed))
    assert len(pairs) == k
    assert names(*(validation for _, validation in pairs)) == names(examples)
    for train, validation in pairs:
        assert names(train, validation) == names(examples)
        assert not grouped or not set(train.groups) & set(validation.groups)


def test_examples_keep_their_own_labels_and_images():
    examples = make(np.arange(40) % 4, groups=np.arange(40) // 2)
    for part in (*split(examples), *next(folds(examples, 3))):
        numbers = part.images[:, 0, 0, 0]
        np.testing.assert_array_equal(part.labels, numbers % 4)
        np.testing.assert_array_equal(part.groups, numbers // 2)
        assert part.names == tuple(f"{number}.png" for number in numbers)


def test_shares_are_exact_without_groups():
    examples = make(np.repeat([0, 1, 2], [100, 60, 40]))
    parts = split(examples, (0.5, 0.3, 0.2))
    for part, share in zip(parts, (0.5, 0.3, 0.2), strict=True):
        np.testing.assert_allclose(shares_of(part, examples), share)
    assert parts.info.classes == 3
    assert parts.info.image_shape == (1, 4, 1)
    for _, validation in folds(examples, 5):
        np.testing.assert_allclose(shares_of(validation, examples), 0.2)


def test_rare_classes_are_divided_as_the_common_ones():
    # 20 of 800 patients have one image of a rare class, for each of ten.
    patients, images = np.divmod(np.arange(3200), 4)
    rare = (patients < 200) & (images == 0)
    examples = make(np.where(rare, 1 + patients % 10, 0), patients)
    for part, share in zip(split(examples), (0.7, 0.15, 0.15), strict=True):
        np.testing.assert_allclose(shares_of(part, examples), share, atol=0.01)
    for _, validation in folds(examples, 4):
        np.testing.assert_allclose(
            shares_of(validation, examples), 0.25, atol=0.01
        )


def test_parts_follow_the_images_where_groups_differ_in_size():
    rng = np.random.default_rng(0)
    sizes = (rng.pareto(1.2, 60) * 5 + 1).astype(int).clip(1, 60)
    examples = make(np.zeros(sizes.sum(), int), np.repeat(range(60), sizes))
    shares = np.array([len(part) for part in split(examples)]) / len(examples)
    np.testing.assert_allclose(shares, (0.7, 0.15, 0.15), atol=0.02)


@pytest.mark.parametrize("grouped", [True, False])
def test_the_seed_alone_decides(grouped):
    examples = random_examples(1, grouped)

    def parts(seed, global_seed):
        keras.utils.set_random_seed(global_seed)
        first = next(folds(examples, 3, seed=seed))
        return [part.names for part in (*split(examples, seed=seed), *first)]

    assert parts(5, 0) == parts(5, 1)
    assert parts(5, 0)[:3] != parts(6, 0)[:3]
    keras.utils.set_random_seed(2)
    before = np.random.random()
    keras.utils.set_random_seed(2)
    parts(5, 2)
    assert np.random.random() == before


def test_an_array_of_groups_overrides():
    examples = make(np.arange(60) % 2, groups=np.arange(60))
    group = np.arange(60) // 6
    parts = split(examples, (0.6, 0.2, 0.2), group=group, stratify=False)
    assert {len(part) % 6 for part in parts} == {0}
    train, validation = next(folds(examples, 2, group=group, stratify=False))
    assert not set(train.groups) & set(validation.groups)
    assert {len(train) % 6, len(validation) % 6} == {0}
    assert examples.groups.tolist() == list(range(60))


def test_rare_classes_are_named_with_their_counts():
    examples = make([0] * 30 + [1, 1], classes=2)
    with pytest.raises(ValueError, match=r"'class 1'.*\n?.*2 examples"):
        split(examples)
    with pytest.raises(ValueError, match=r"'class 1' for k=3.*2 examples"):
        folds(examples, 3)
    # Five images, but of one patient.
    one = make([0] * 30 + [1] * 5, groups=[*range(30), *[30] * 5])
    for call in (lambda: split(one), lambda: folds(one, 2)):
        with pytest.raises(ValueError, match=r"'class 1'.*5 .* in 1 groups"):
            call()
    assert len(split(one, stratify=False)) == 3
    assert len(list(folds(one, 2, stratify=False))) == 2


def test_a_class_without_any_example_hinders_nothing():
    examples = make(np.arange(40) % 2, classes=5)
    assert [len(part) for part in split(examples)] == [28, 6, 6]
    assert len(list(folds(examples, 4))) == 4


def test_too_few_groups():
    examples = make([0] * 20, groups=[0] * 10 + [1] * 10)
    with pytest.raises(ValueError, match=r"one group in every part.*of 2 gro"):
        split(examples)
    with pytest.raises(ValueError, match=r"at most 2, the number of groups"):
        folds(examples, 3)


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_missing_groups_are_counted(missing):
    groups = np.array(["a", missing, "b", missing, "c"], dtype=object)
    for call in (split, lambda examples: folds(examples, 2)):
        with pytest.raises(ValueError, match=r"none for 2 of 5.*rows \[1, 3\]"):
            call(make([0] * 5, groups))


def test_multi_label_examples_are_not_stratified():
    labels = np.zeros((40, 3), "float32")
    examples = Examples(
        np.arange(40, dtype="uint8").reshape(40, 1, 1, 1),
        labels,
        ("a", "b", "c"),
        tuple(map(str, range(40))),
    )
    for call in (split, lambda *args, **kw: folds(*args, 2, **kw)):
        with pytest.raises(ValueError, match="stratify.*multi-label"):
            call(examples)
        call(examples, stratify=False)


@pytest.mark.parametrize(
    "shares", [(0.8, 0.2), (0.4, 0.3, 0.2, 0.1), [0.2] * 5]
)
@pytest.mark.parametrize("grouped", [True, False])
def test_any_number_of_shares(shares, grouped):
    labels, groups = np.repeat([0, 1], [120, 80]), np.arange(200)
    examples = make(labels, groups if grouped else None)
    parts = split(examples, shares)
    assert type(parts) is tuple and names(*parts) == names(examples)
    for part, share in zip(parts, shares, strict=True):
        np.testing.assert_allclose(shares_of(part, examples), share)
    with pytest.raises(ValueError, match="'class 1' for every part: {'part 0'"):
        split(make([0] * 30 + [1], classes=2), (0.5, 0.5))


def regression(count=40, **fields):
    labels = np.linspace(0, 1, count).astype("float32")
    return Examples(
        np.arange(count, dtype="uint8").reshape(count, 1, 1, 1),
        fields.pop("labels", labels),
        (),
        tuple(map(str, range(count))),
        **fields,
    )


def test_a_regression_is_divided_without_classes():
    pairs = np.random.default_rng(0).random((40, 2)).astype("float32")
    for examples in (regression(), regression(labels=pairs)):
        for parts in (split(examples), next(folds(examples, 4))):
            assert names(*parts) == names(examples)
            for part in parts:
                numbers = part.images[:, 0, 0, 0]
                np.testing.assert_array_equal(
                    part.labels, examples.labels[numbers]
                )
                assert part.regression and not part.multi_label
        assert repr(examples) == "Examples(40 images 1x1x1, regression)"


@pytest.mark.parametrize(
    "name, value",
    [
        ("shares", (1,)),
        ("shares", (0.5, 0.5, 0)),
        ("shares", (0.5, 0.5, np.nan)),
        ("shares", (0.5, 0.2, 0.2)),
        ("shares", ("a", 0.2, 0.2)),
        ("seed", -1),
        ("seed", 0.5),
        ("stratify", 1),
        ("group", np.zeros(3)),
        ("group", np.zeros((20, 2))),
    ],
)
def test_bad_arguments_of_split(name, value):
    with pytest.raises(ValueError, match=f"argument {name}:"):
        split(make([0, 1] * 10), **{name: value})


@pytest.mark.parametrize("k", [0, 1, 2.5, True, 21])
def test_bad_numbers_of_folds(k):
    with pytest.raises(ValueError, match="argument k:"):
        folds(make([0, 1] * 10), k)


def test_no_examples():
    for call in (split, lambda examples: folds(examples, 2)):
        with pytest.raises(ValueError, match="at least 1"):
            call(make([0, 1])[[]])


def test_shared_groups_and_names_are_found_between_any_two_parts():
    parts = [
        make([0] * 10, np.arange(10) + 10 * i, [f"{i}{j}" for j in range(10)])
        for i in range(3)
    ]
    check_disjoint(*parts)
    leak = make([0] * 7, np.arange(3, 10), [f"new {j}" for j in range(7)])
    with pytest.raises(
        ValueError,
        match=r"Parts 0 and 3 share 7 .*groups: 3, 4, 5, \.\.\., 7, 8, 9",
    ):
        check_disjoint(*parts, leak)
    same = make([0], [99], ["14"])
    with pytest.raises(ValueError, match=r"Parts 1 and 3 .*names: '14'\."):
        check_disjoint(*parts, same)
    check_disjoint(*parts, same, names=False)
    with pytest.raises(ValueError, match=r"none in parts \[3\]"):
        check_disjoint(*parts, make([0], None, ["x"]))


def test_one_long_name_takes_no_memory_for_all():
    examples = make([0] * 1000, names=(*map(str, range(999)), "x" * 100_000))
    tracemalloc.start()
    check_disjoint(examples, make([0], names=("y",)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_splits_can_be_copied(again):
    splits = split(make([0, 1] * 20))
    same = again(splits)
    assert type(same) is Splits and same.info == splits.info
    assert [part.names for part in same] == [part.names for part in splits]


def test_one_name_in_two_parts_is_a_leak_of_split_too():
    examples = make([0] * 10, names=("same.png",) * 10)
    with pytest.raises(ValueError, match="share 1 of their names: 'same.png'"):
        split(examples)
    with pytest.raises(ValueError, match="share 1 of their names"):
        next(folds(examples, 2))


def test_what_is_no_examples_or_no_groups_is_named():
    photos = make([0, 1, 0, 1])
    with pytest.raises(ValueError, match="examples: expected Examples, such"):
        split([photos])
    with pytest.raises(ValueError, match=r"from_table\(group='patient'\)"):
        split(photos, group="patient")
    with pytest.raises(TypeError, match=r"examples\[\[3\]\]"):
        photos[np.int64(3)]
    with pytest.raises(ValueError, match=r"labels.*such as its \.labels"):
        class_weights(photos)
