"""Every number from the scores to the context, for a handful of positions."""

import dataclasses
import html

import numpy as np
from keras import ops

from keras_attention import alignments
from keras_attention import scores


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WorkedExample:
    """The walk of one query over a few positions, number by number.

    Args:
        query: array `(query_channels,)`.
        keys: array `(positions, channels)`, what the query is compared with.
        values: array `(positions, value_channels)`, what is summed.
        score: str, the score's key, or the name of its class.
        alignment: str, the same of the alignment.
        scores: array `(positions,)`.
        weights: array `(positions,)`.
        products: array `(positions, value_channels)`, weight times value.
        context: array `(value_channels,)`, the sum of the products.
    """

    query: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    score: str
    alignment: str
    scores: np.ndarray
    weights: np.ndarray
    products: np.ndarray
    context: np.ndarray

    def rows(self):
        """The cells of the table, as text: a head, the positions, the sum."""
        exponents = np.exp(self.scores - self.scores.max())
        is_softmax = self.alignment == "softmax"
        head = ["i", "k_i", "score"]
        head += ["exp(e - max)"] * is_softmax
        head += ["weight", "v_i", "w_i v_i"]
        rows = [head]
        for i, key in enumerate(self.keys):
            cells = [str(i + 1), _numbers(key), _number(self.scores[i])]
            cells += [_number(exponents[i])] * is_softmax
            cells += [
                _number(self.weights[i]),
                _numbers(self.values[i]),
                _numbers(self.products[i]),
            ]
            rows.append(cells)
        total = ["sum", "", ""] + [_number(exponents.sum())] * is_softmax
        total += [_number(self.weights.sum()), "", _numbers(self.context)]
        return [*rows, total]

    def title(self):
        """What is compared with what, and how."""
        return (
            f"query q = {_numbers(self.query)}, score {self.score}, "
            f"alignment {self.alignment}"
        )

    def __str__(self):
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width)
                for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join(
            [
                self.title(),
                lines[0],
                rule,
                *lines[1:-1],
                rule,
                lines[-1],
                f"context c = {_numbers(self.context)}",
            ]
        )

    __repr__ = __str__

    def _repr_html_(self):
        head, *rows = (
            [html.escape(cell) for cell in row] for row in self.rows()
        )
        body = "".join(
            f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows
        )
        return (
            f"<p>{html.escape(self.title())}</p>"
            f"<table><tr><th>{'</th><th>'.join(head)}</th></tr>{body}</table>"
            f"<p>context c = {_numbers(self.context)}</p>"
        )


def worked_example(
    query, keys, values=None, score="scaled_dot", alignment="softmax"
):
    """One query's walk over a few positions, with every number.

    `e_i = score(q, k_i)`, `w = alignment(e)`, `c = sum_i w_i v_i`.

    Args:
        query: array `(query_channels,)`, `q`.
        keys: array `(positions, channels)`, `k`.
        values: array `(positions, value_channels)`, `v`; `None` takes the keys,
            as attention pooling does. Defaults to `None`.
        score: str, a key of `keras_attention.scores`, or a `Score` with one
            head. A score with weights has the random ones of a new layer,
            unless it is given as a layer that was trained. Defaults to
            `"scaled_dot"`.
        alignment: str or `Alignment`, the same of `keras_attention.alignments`.
            Defaults to `"softmax"`.

    Returns:
        A `WorkedExample`: it prints as a table, in a notebook too, and holds
        every array.

    Raises:
        ValueError: For shapes that do not fit, unknown keys, and alignments
            that give several weights a position.

    Example:

    >>> worked_example([1, 0], [[2, 0], [0, 2], [1, 1]], score="dot")
    query q = (1, 0), score dot, alignment softmax
      i     k_i  score  exp(e - max)  weight     v_i         w_i v_i
    ----------------------------------------------------------------
      1  (2, 0)      2             1   0.665  (2, 0)       (1.33, 0)
      2  (0, 2)      0         0.135    0.09  (0, 2)       (0, 0.18)
      3  (1, 1)      1         0.368   0.245  (1, 1)  (0.245, 0.245)
    ----------------------------------------------------------------
    sum                        1.503       1          (1.575, 0.425)
    context c = (1.575, 0.425)

    See also:
        `compare_alignments`, for the same scores under several alignments.
    """
    query = _array("query", query, 1)
    keys = _array("keys", keys, 2)
    values = keys if values is None else _array("values", values, 2)
    if len(values) != len(keys):
        raise ValueError(
            "Invalid value for argument values: expected one for each of the "
            f"{len(keys)} keys. Received: {len(values)}"
        )
    score = scores.get(score)
    alignment = alignments.get(alignment)
    if score.num_heads != 1 or alignment.per_channel:
        raise ValueError(
            "A worked example has one weight a position: a score with one "
            "head, and an alignment without channels. Received: "
            f"{type(score).__name__} with {score.num_heads} heads and "
            f"{type(alignment).__name__}"
        )
    e = score(query[None, None], keys[None])
    w = alignment(e, grid_shape=(1, len(keys)), query=query[None, None])
    e, w = (ops.convert_to_numpy(x)[0, 0, 0] for x in (e, w))
    products = w[:, None] * values
    return WorkedExample(
        query=query,
        keys=keys,
        values=values,
        score=scores.registry.key_of(score),
        alignment=alignments.registry.key_of(alignment),
        scores=e,
        weights=w,
        products=products,
        context=products.sum(0),
    )


def _array(name, value, rank):
    array = np.asarray(value, "float32")
    if array.ndim != rank or 0 in array.shape:
        raise ValueError(
            f"Invalid value for argument {name}: expected {rank} "
            f"{'axis' if rank == 1 else 'axes'}, not empty. Received: shape "
            f"{array.shape}"
        )
    return array


def _number(value):
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _numbers(values):
    return f"({', '.join(map(_number, values))})"
