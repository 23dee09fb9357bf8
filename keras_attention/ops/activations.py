"""Activations by name, with derivatives written in their own values.

A gradient that is written out by hand, as `pair_network` has one, needs no
more than what an activation gave.
"""

from keras import ops

# Of graph attention networks. Keras' `leaky_relu` and `maximum` would take
# float64 down to float32.
_SLOPE = 0.2


def _leaky_slope(y):
    return _SLOPE + (1.0 - _SLOPE) * ops.cast(y > 0, y.dtype)


_FUNCTIONS = {
    "tanh": (ops.tanh, lambda y: 1.0 - ops.square(y)),
    "relu": (ops.relu, lambda y: ops.cast(y > 0, y.dtype)),
    "leaky_relu": (lambda x: x * _leaky_slope(x), _leaky_slope),
    "sigmoid": (ops.sigmoid, lambda y: y * (1.0 - y)),
    "softplus": (ops.softplus, lambda y: 1.0 - ops.exp(-y)),
    "linear": (lambda x: x, ops.ones_like),
}

#: The names, for the arguments of scores.
ACTIVATIONS = tuple(_FUNCTIONS)
#: Those that never give a number below 0.
NON_NEGATIVE_ACTIVATIONS = ("relu", "sigmoid", "softplus")


def activate(name, x):
    """The activation of that name, element by element."""
    return _FUNCTIONS[name][0](x)


def activation_derivative(name, y):
    """The derivative where the activation has the value `y`.

    >>> float(activation_derivative("tanh", activate("tanh", 0.0)))
    1.0
    """
    return _FUNCTIONS[name][1](y)
