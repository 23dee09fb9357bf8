"""Names for interchangeable layers: `"additive"` is an `AdditiveScore`.

Scores, alignments, aggregations and layers each own one `Registry`, so that a
plain string in a config or in a search space stands for a layer.
"""

import difflib

import keras

PACKAGE = "keras_attention"


def takes_config(identifier):
    """Whether an identifier is a key or a class, still to be configured."""
    return isinstance(identifier, str) or (
        isinstance(identifier, type)
        and issubclass(identifier, keras.layers.Layer)
    )


class Registry:
    """The layers of one kind, by key.

    Args:
        kind: What an entry is called in messages, e.g. `"score"`.
    """

    #: What every entry is an instance of.
    base = keras.layers.Layer

    def __init__(self, kind):
        self.kind = kind
        self._entries = {}
        self._families = {}

    def register(self, key, family=None):
        """Class decorator: enters the class here and with Keras' saving.

        Args:
            key: The lower-case name.
            family: A label that `available` can filter by.
        """

        def decorate(cls):
            self._entries[key] = keras.saving.register_keras_serializable(
                package=PACKAGE
            )(cls)
            self._families[key] = family
            return cls

        return decorate

    def available(self, family=None):
        """The keys in alphabetical order, of one family if given."""
        families = {label for label in self._families.values() if label}
        if family is not None and family not in families:
            raise ValueError(
                f"Unknown {self.kind} family {family!r}. Available: "
                f"{', '.join(sorted(families)) or 'none'}."
            )
        return sorted(
            key
            for key, label in self._families.items()
            if family in (None, label)
        )

    def get(self, identifier, **config):
        """Returns a layer for an identifier.

        Args:
            identifier: A key, a class, an instance, or the dictionary that
                `serialize` returns.
            **config: Constructor arguments, for a key or a class only.

        Returns:
            A layer; an instance is returned as it is.

        Raises:
            ValueError: For an unknown key, for an argument that the class
                does not have, and for configuration beside an instance.
        """
        layer = self._resolve(identifier, config)
        if not isinstance(layer, self.base):
            raise ValueError(
                f"A {self.kind} is a layer of class {self.base.__name__}. "
                f"Received: {layer!r}"
            )
        return layer

    def key_of(self, layer):
        """The key of a layer's class, or the class's name without one."""
        keys = (key for key, cls in self._entries.items() if cls is type(layer))
        return next(keys, type(layer).__name__)

    def serialize(self, layer):
        """The dictionary that `get` turns into a new, unbuilt layer."""
        config = keras.saving.serialize_keras_object(layer)
        config.pop("build_config", None)
        return config

    def _resolve(self, identifier, config):
        if isinstance(identifier, str):
            identifier = self._find(identifier)
        if takes_config(identifier):
            return self._create(identifier, config)
        if config:
            raise ValueError(
                f"Configuration {sorted(config)} can only be combined with "
                f"the key or the class of a {self.kind}. "
                f"Received: {identifier!r}"
            )
        if isinstance(identifier, keras.layers.Layer):
            return identifier
        if isinstance(identifier, dict):
            return keras.saving.deserialize_keras_object(identifier)
        raise ValueError(
            f"A {self.kind} must be a key, a class, an instance or a "
            f"serialized configuration. Received: {identifier!r}"
        )

    def _find(self, key):
        if key in self._entries:
            return self._entries[key]
        nearest = difflib.get_close_matches(key.lower(), self._entries, n=3)
        hint = f" Did you mean {' or '.join(map(repr, nearest))}?"
        raise ValueError(
            f"Unknown {self.kind} {key!r}.{hint if nearest else ''} "
            f"Available: {', '.join(self.available())}."
        )

    def _create(self, cls, config):
        try:
            return cls(**config)
        except TypeError as error:
            raise ValueError(
                f"{cls.__name__} cannot be made from {config}: {error}"
            ) from error
