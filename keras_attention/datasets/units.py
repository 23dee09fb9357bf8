"""What of some examples stays together, and whether it can be divided."""

import dataclasses

import numpy as np

from keras_attention.datasets.examples import Examples
from keras_attention.internals import arguments


def units_of(examples, group, stratify, seed):
    """The examples with their groups, a number `(count,)` for each, `stratify`.

    Checks the arguments of `split` and `folds`; a regression has no classes
    that could be stratified.
    """
    arguments.non_negative_int("seed", seed)
    if not isinstance(examples, Examples):
        expected = (
            "Examples, such as from_table and from_folder make; concatenate "
            "makes one of several"
        )
        raise ValueError(arguments.invalid("examples", examples, expected))
    if isinstance(group, str):
        expected = (
            "an array of one value an example, or None, which takes "
            f"examples.groups: name the column in from_table(group={group!r})"
        )
        raise ValueError(arguments.invalid("group", group, expected))
    if arguments.boolean("stratify", stratify) and examples.multi_label:
        expected = "False: multi-label examples have no one class to divide by"
        raise ValueError(arguments.invalid("stratify", stratify, expected))
    if not len(examples):
        raise ValueError(arguments.invalid("examples", examples, "at least 1"))
    if group is not None:
        group = np.asarray(group)
        if group.shape != (len(examples),):
            expected = f"one value for each of {len(examples)} examples"
            raise ValueError(arguments.invalid("group", group.shape, expected))
        examples = dataclasses.replace(examples, groups=group)
    stratify = stratify and not examples.regression
    if examples.groups is None:
        return examples, np.arange(len(examples)), stratify
    groups = examples.groups.tolist()
    # NaN is not itself.
    missing = [i for i, g in enumerate(groups) if g in (None, "") or g != g]
    if missing:
        raise ValueError(
            "Invalid value for argument group: expected a group for every "
            f"example. Received: none for {len(missing)} of {len(groups)}, "
            f"first in rows {missing[:5]}"
        )
    numbers = {value: unit for unit, value in enumerate(dict.fromkeys(groups))}
    return examples, np.array([numbers[value] for value in groups]), stratify


def check_classes(examples, units, parts):
    """Raises if a class of the examples is not in every part, a dict."""
    for index in np.unique(examples.labels):
        found = {
            role: int((examples.labels[part] == index).sum())
            for role, part in parts.items()
        }
        if 0 in found.values():
            reject(examples, units, index, f"for every part: {found}")


def reject(examples, units, index, purpose):
    """Raises for a class that is too rare."""
    mine = examples.labels == index
    raise ValueError(
        f"Too few examples of class {examples.class_names[index]!r} {purpose}. "
        f"Received: {mine.sum()} examples in {len(np.unique(units[mine]))} "
        "groups. Pass stratify=False, other shares, or leave the class out."
    )
