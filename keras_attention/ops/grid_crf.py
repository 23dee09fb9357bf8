"""Binary conditional random fields on a grid: approximate marginals.

`p(z) ~ exp(sum_i u_i z_i + sum_ij E[z_i, z_j])` over `z_i` in {0, 1}, with the
pairs of horizontal and vertical neighbours. Every position is told by its up
to four neighbours how much they favour 1 over 0, all at once, for some sweeps.
"""

from keras import ops

# Sums of numbers up to here stay finite.
_LIMIT = 1e18


def grid_log_odds(unary, horizontal, vertical, method, iterations, mask=None):
    """`log b_i(1) - log b_i(0)` of the approximate marginals `b`.

    Args:
        unary: `(..., height, width)`, `u`: log-odds without neighbours, in
            float32 or float64.
        horizontal: `(2, 2)`, the log-potential `E[z_left, z_right]`.
        vertical: `(2, 2)`, the log-potential `E[z_above, z_below]`.
        method: `"mean_field"`, where a neighbour speaks with its marginal:
            `b_i(z) ~ psi_i(z) exp(sum_j sum_a E[a, z] b_j(a))`; or
            `"belief_propagation"`, where it speaks with what it knows from
            all others:
            `m_ji(z) ~ sum_a psi_j(a) exp(E[a, z]) prod_{k != i} m_kj(a)`.
        iterations: Sweeps; 0 gives `unary`.
        mask: Optional boolean tensor that broadcasts to `unary`; a position
            where it is false tells its neighbours nothing.

    Returns:
        The shape of `unary`. What stands in a masked place, NaN included, has
        no influence on others.
    """
    say = _SAY[method]
    if mask is not None:
        unary = ops.where(mask, unary, ops.zeros_like(unary))
    unary, horizontal, vertical = (
        ops.clip(x, -_LIMIT, _LIMIT) for x in (unary, horizontal, vertical)
    )
    # What arrives from the left, from the right, from above, from below, and
    # the table as the sender reads it: its own state first.
    directions = (
        (_from_left, horizontal),
        (_from_right, ops.transpose(horizontal)),
        (_from_above, vertical),
        (_from_below, ops.transpose(vertical)),
    )
    heard = [ops.zeros_like(unary)] * 4
    for _ in range(iterations):
        heard = [
            move(_shown(say(unary, heard, back, table), mask))
            for (move, table), back in zip(directions, _BACK, strict=True)
        ]
    return unary + sum(heard)


def _mean_field(unary, heard, back, table):
    """`sum_a b(a) (E[a, 1] - E[a, 0])` to each neighbour alike."""
    on = ops.sigmoid(unary + sum(heard))
    favour = table[:, 1] - table[:, 0]
    return (1.0 - on) * favour[0] + on * favour[1]


def _belief_propagation(unary, heard, back, table):
    """The log-odds of a message to one neighbour, not knowing its own."""
    # A sum without that neighbour: taking it from the sum of all would leave
    # nothing of the digits beside a large message.
    others = sum((heard[i] for i in range(4) if i != back), unary)
    # log (e^E01 + e^(E11 + o)) - log (e^E00 + e^(E10 + o))
    return (
        table[0, 1]
        - table[0, 0]
        + ops.softplus(others + table[1, 1] - table[0, 1])
        - ops.softplus(others + table[1, 0] - table[0, 0])
    )


_SAY = {"mean_field": _mean_field, "belief_propagation": _belief_propagation}
# What goes to the right (arrives from the left) leaves out what came from
# the right, and so on: places in the list of directions.
_BACK = (1, 0, 3, 2)


def _from_left(x):
    return ops.concatenate([ops.zeros_like(x[..., :1]), x[..., :-1]], -1)


def _from_right(x):
    return ops.concatenate([x[..., 1:], ops.zeros_like(x[..., :1])], -1)


def _from_above(x):
    return ops.concatenate([ops.zeros_like(x[..., :1, :]), x[..., :-1, :]], -2)


def _from_below(x):
    return ops.concatenate([x[..., 1:, :], ops.zeros_like(x[..., :1, :])], -2)


def _shown(x, mask):
    return x if mask is None else ops.where(mask, x, ops.zeros_like(x))
