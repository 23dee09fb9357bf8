"""Parts of a data set that share nothing."""

import itertools

import numpy as np

from keras_attention.internals import arguments


def check_disjoint(*parts, names=True):
    """Raises if two parts share a group or a name.

    Args:
        *parts: `Examples`, such as a training and a test set of two origins.
        names: bool, whether names are compared; `False` where they are row
            numbers, or files of two folders. Defaults to `True`.

    Raises:
        ValueError: Naming the first shared ones, or if some parts have groups
            and others have none.

    Example:

    >>> from keras_attention.datasets.examples import Examples
    >>> images, labels = np.zeros((2, 8, 8, 1), "uint8"), np.zeros(2, int)
    >>> one = Examples(images, labels, ("a",), ("x.png", "y.png"))
    >>> two = Examples(images, labels, ("a",), ("y.png", "z.png"))
    >>> check_disjoint(one, two)
    Traceback (most recent call last):
    ...
    ValueError: Parts 0 and 1 share 1 of their names: 'y.png'.

    See also:
        `find_duplicates`, which compares the pixels.
    """
    arguments.boolean("names", names)
    grouped = [part.groups is not None for part in parts]
    if any(grouped) and not all(grouped):
        without = [i for i, has in enumerate(grouped) if not has]
        raise ValueError(
            "Parts can be compared if all or none of them have groups. "
            f"Received: none in parts {without} of {len(parts)}"
        )
    for attribute in ("groups", "names")[: 1 + names]:
        values = [_values(getattr(part, attribute)) for part in parts]
        for (i, one), (j, two) in itertools.combinations(enumerate(values), 2):
            shared = [value for value in one if value in two]
            if shared:
                shown = ", ".join(map(repr, shared[:5]))
                shown += ", ..." if len(shared) > 5 else ""
                raise ValueError(
                    f"Parts {i} and {j} share {len(shared)} of their "
                    f"{attribute}: {shown}."
                )


def _values(values):
    """The distinct values in order, as a dict."""
    # As an array, all texts would take as much as the longest one.
    values = values.tolist() if isinstance(values, np.ndarray) else values
    return dict.fromkeys(values or ())
