"""The only file that touches a private name of Keras or replaces a method.

Keras says in public what a layer computes, but not who called it, which
layers are inside it, or how to listen to a call. What is needed of that stands
here, so that a new version of Keras is looked through in one place;
`tests/internals/keras_private_test.py` reads the rest of the package for it.
"""

import contextlib
import threading

# Two threads that replaced methods at once would restore each other's.
_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def replaced(replacements):
    """Replaces attributes for a while, and restores them whatever happens.

    One thread at a time: another waits until the first has restored. What a
    layer had of its class it has of its class again.

    Args:
        replacements: callable, returns a list of `(owner, name, value)`, an
            instance or a class each; `None` as the value takes the attribute
            of a class away. It is called when it is this thread's turn: what
            it wraps is never what another thread has put there.
    """
    with _ONE_AT_A_TIME, contextlib.ExitStack() as undo:
        for owner, name, value in replacements():
            _replace(undo, owner, name, value)
        yield


def _replace(undo, owner, name, value):
    if name in vars(owner):
        undo.callback(setattr, owner, name, vars(owner)[name])
    elif isinstance(owner, type):
        undo.callback(delattr, owner, name)
    else:
        # Keras' own `delattr` looks for variables to forget.
        undo.callback(vars(owner).pop, name)
    if value is None and isinstance(owner, type):
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def children(layer):
    """The layers directly inside a layer; no public method lists them."""
    return layer._flatten_layers(include_self=False, recursive=False)


def history(tensor):
    """What made a `KerasTensor`: `(operation, output number, its node)`.

    The node has `operation`, `input_tensors` and `output_tensors`.
    """
    operation, index, position = tensor._keras_history
    return operation, position, operation._inbound_nodes[index]


def nodes(layer):
    """The two lists in which a layer keeps its calls, to be cut back."""
    return layer._inbound_nodes, layer._outbound_nodes


def lambda_output_shape(layer):
    """The argument `output_shape` that a `Lambda` was made with."""
    return layer._output_shape


def rematerialized(layers):
    """Those of the layers that compute anew what the gradient needs."""
    return [
        layer
        for layer in layers
        if getattr(layer, "_remat_mode", None) is not None
    ]


def without_rematerialization(layers):
    """Replacements after which tensors inside of checkpoints can get out."""
    return [(layer, "_remat_mode", None) for layer in layers]
