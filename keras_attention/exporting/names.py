"""What the outputs of an exported model are called."""

import re

import keras

_PROBABILITIES = ("softmax", "sigmoid")
_WITH_ACTIVATION = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv2D,
    keras.layers.Activation,
)


def name_answers(model, answers):
    """Names for what a model itself returns.

    Args:
        model: `keras.Model`.
        answers: what it returned: a tensor, or a list, tuple or dict of
            tensors.

    Returns:
        A list of pairs `(name, tensor)`.

    Raises:
        ValueError: If the answers are nested deeper than that.
    """
    if isinstance(answers, dict):
        pairs = list(answers.items())
    elif isinstance(answers, list | tuple):
        names = getattr(model, "output_names", None)
        if names is None or len(names) != len(answers):
            names = [f"outputs_{n}" for n in range(1, len(answers) + 1)]
        pairs = list(zip(names, answers, strict=True))
    else:
        pairs = [(answer_name(model), answers)]
    nested = [name for name, answer in pairs if keras.tree.is_nested(answer)]
    if nested:
        raise ValueError(
            "export takes models that return a tensor, or a list or "
            f"dictionary of tensors. Received: a nest under {nested}"
        )
    return pairs


def answer_name(model):
    """`"predictions"`, `"logits"` or, if that cannot be known, `"outputs"`.

    Args:
        model: `keras.Model` with one output.

    Returns:
        `"predictions"` behind a softmax or sigmoid; `"logits"` for a dense or
        convolutional layer without activation; otherwise `"outputs"`.

    Example:

    >>> layers = [keras.Input((4,)), keras.layers.Dense(2)]
    >>> answer_name(keras.Sequential(layers))
    'logits'
    >>> layers.append(keras.layers.Softmax())
    >>> answer_name(keras.Sequential(layers))
    'predictions'
    """
    last = _last(model)
    if type(last).__name__.lower() in _PROBABILITIES:
        return "predictions"
    if isinstance(last, _WITH_ACTIVATION):
        name = getattr(last.activation, "__name__", None)
        if name in _PROBABILITIES:
            return "predictions"
        if name == "linear":
            return "logits"
    return "outputs"


def legal_names(paths):
    """Names that every format and every server takes, each used once.

    Letters, digits and `_` stay, anything else becomes `_`. A name that is
    taken gets `_2`, `_3` behind it.

    Args:
        paths: list of str, the more important first.

    Returns:
        A list of as many names.

    Example:

    >>> legal_names(["predictions", "left/cbam", "cbam#2", "cbam_2"])
    ['predictions', 'left_cbam', 'cbam_2', 'cbam_2_2']
    """
    names = []
    for path in paths:
        # A name that starts with a digit is no argument's name in Python.
        wanted = re.sub(r"\W", "_", path, flags=re.ASCII)
        wanted = f"_{wanted}" if wanted[:1].isdigit() else wanted or "_"
        name, number = wanted, 1
        while name in names:
            number += 1
            name = f"{wanted}_{number}"
        names.append(name)
    return names


def _last(model):
    """What computes the output: a layer, an operation, or the model itself."""
    if isinstance(model, keras.Sequential):
        last = next(
            layer
            for layer in reversed(model.layers)
            if not _is_linear_activation(layer)
        )
    elif hasattr(model, "operations") and hasattr(model, "output_names"):
        operations = {op.name: op for op in model.operations}
        last = operations[model.output_names[0]]
        while _is_linear_activation(last):
            last = next(op for op in model.operations if _leads(op, last))
    else:
        return model
    return _last(last) if isinstance(last, keras.Model) else last


def _is_linear_activation(operation):
    # How half-precision models often end, with dtype="float32".
    return (
        isinstance(operation, keras.layers.Activation)
        and operation.activation is keras.activations.linear
    )


def _leads(operation, last):
    return any(
        output is last.input for output in keras.tree.flatten(operation.output)
    )
