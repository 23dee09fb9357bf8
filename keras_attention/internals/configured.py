"""What every layer of the package does with its constructor's arguments."""

import inspect

import keras

from keras_attention.internals.renamed import with_current_names
from keras_attention.internals.words import did_you_mean


class ConfiguredLayer(keras.layers.Layer):
    """A layer that says what arguments there are, and knows former names.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Raises:
        ValueError: For other arguments, with those that the class has.
    """

    #: Former names of arguments, as files that were saved then have them.
    renamed_arguments = {}  # noqa: RUF012

    def __init__(self, **kwargs):
        try:
            super().__init__(**kwargs)
        except ValueError as error:
            # Keras says what it does not know, and not what there is.
            known = _arguments(type(self))
            for name in kwargs.keys() - {*known}:
                raise ValueError(
                    f"{type(self).__name__} has no argument {name}. "
                    f"{self._hint(name, known)}It takes {', '.join(known)}. "
                    f"Received: {name}={kwargs[name]!r}"
                ) from error
            raise

    @classmethod
    def from_config(cls, config):
        """From the arguments, also under names that they had before."""
        return super().from_config(with_current_names(cls, config))

    def _hint(self, name, known):
        if name in self.renamed_arguments:
            current = self.renamed_arguments[name]
            current = getattr(current, "name", current)
            return f"The argument {name} is called {current} today. "
        return did_you_mean(name, known)


def _arguments(cls):
    """The names of a constructor's arguments, and of those of its bases."""
    names = {}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()
            names |= {
                parameter.name: None
                for parameter in list(parameters)[1:]  # without self
                if parameter.kind
                not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            }
        if base is keras.layers.Layer:
            break
    return list(names)
