"""What a model takes, as tensors without values."""

import keras

from keras_attention.internals import arguments


def symbolic_inputs(model, input_shape=None, batch_size=1):
    """Tensors without values in the shapes that a model takes.

    Args:
        model: `keras.Model` or `keras.Layer`.
        input_shape: tuple, list, dict or `None`, without the batch. Several
            inputs are a list or a dictionary as the model takes them; the names
            of the arguments of a layer's `call` give those. `None` takes a
            functional model's own. Defaults to `None`.
        batch_size: int, the first size. Defaults to `1`.

    Returns:
        `keras.KerasTensor`s in the structure that the model takes.

    Raises:
        ValueError: If sizes are missing or do not fit the model's inputs.

    Example:

    >>> layer = keras.layers.Add()
    >>> [x.shape for x in symbolic_inputs(layer, [(7, 7, 8), (7, 7, 8)])]
    [(1, 7, 7, 8), (1, 7, 7, 8)]
    """
    arguments.positive_int("batch_size", batch_size)
    known = known_inputs(model)
    if input_shape is not None:
        shapes = _checked(input_shape)
    elif known is not None:
        shapes = keras.tree.map_structure(lambda x: _Shape(x.shape[1:]), known)
    else:
        raise ValueError(
            f"{described(model)} does not say what it takes. Pass "
            "input_shape, e.g. input_shape=(224, 224, 3)."
        )
    if known is None:
        dtypes = keras.tree.map_structure(lambda _: model.input_dtype, shapes)
    else:
        shapes = _fitted(shapes, known, model)
        dtypes = keras.tree.map_structure(lambda x: x.dtype, known)
    for shape in keras.tree.flatten(shapes):
        if None in shape.sizes:
            raise ValueError(
                "What a model computes can be counted for known sizes only. "
                "Pass input_shape with all of them. Received: input_shape="
                f"{input_shape} for {described(model)}, which takes "
                f"{shape.sizes}"
            )
    return keras.tree.map_structure(
        lambda shape, dtype: keras.KerasTensor(
            (batch_size, *shape.sizes), dtype
        ),
        shapes,
        dtypes,
    )


class _Shape:
    """Sizes without the batch; not a tuple, which would be a structure."""

    def __init__(self, sizes):
        self.sizes = tuple(sizes)

    def fits(self, shape):
        """Whether a model that takes `shape`, batch first, takes these."""
        sizes = tuple(shape)[1:]
        return len(sizes) == len(self.sizes) and all(
            None in pair or pair[0] == pair[1]
            for pair in zip(sizes, self.sizes, strict=True)
        )


def _checked(input_shape):
    """The same structure with a `_Shape` for every shape."""
    if isinstance(input_shape, dict):
        return {name: _checked(shape) for name, shape in input_shape.items()}
    if isinstance(input_shape, (list, tuple)):
        if any(isinstance(item, (list, tuple, dict)) for item in input_shape):
            return [_checked(shape) for shape in input_shape]
        for size in input_shape:
            arguments.positive_int("input_shape", size, optional=True)
        return _Shape(input_shape)
    raise ValueError(
        arguments.invalid(
            "input_shape",
            input_shape,
            "sizes without the batch, or a list or dictionary of them",
        )
    )


def known_inputs(model):
    """The structure of a functional model's inputs, or `None`."""
    if not isinstance(model, keras.Model):
        return None
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    return inputs[0] if isinstance(model, keras.Sequential) else model.input


def _fitted(shapes, known, model):
    """The given shapes in the structure of the known inputs."""
    flat = keras.tree.flatten(known)
    if isinstance(shapes, dict) and not isinstance(known, dict):
        # As Keras takes them: by the names of the inputs.
        shapes = [shapes.get(x.name) for x in flat]
    given = keras.tree.flatten(shapes)
    fits = len(given) == len(flat) and all(
        shape is not None and shape.fits(x.shape)
        for shape, x in zip(given, flat, strict=True)
    )
    if isinstance(known, dict):
        fits = fits and isinstance(shapes, dict) and set(shapes) == set(known)
    if not fits:
        taken = keras.tree.map_structure(lambda x: str(x.shape[1:]), known)
        raise ValueError(
            f"Argument input_shape does not fit {described(model)}, which "
            f"takes {taken}. Received: "
            f"{[shape and shape.sizes for shape in given]}"
        )
    return keras.tree.pack_sequence_as(known, given)


def described(layer):
    """A layer's class and name, for a message."""
    return f"{type(layer).__name__} {layer.name!r}"
