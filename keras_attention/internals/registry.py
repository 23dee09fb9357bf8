"""Names for interchangeable layers: `"additive"` is an `AdditiveScore`.

Scores, alignments, aggregations and layers each own one `Registry`, so that a
plain string in a config or in a search space stands for a layer.
"""

import inspect
import random
from typing import NamedTuple

import keras

from keras_attention.internals import arguments
from keras_attention.internals.words import did_you_mean


class Entry(NamedTuple):
    """What is registered under a key."""

    cls: type
    family: str | None
    search_space: dict | None


def takes_config(identifier):
    """Whether an identifier is a key or a class, still to be configured."""
    return isinstance(identifier, str) or (
        isinstance(identifier, type)
        and issubclass(identifier, keras.layers.Layer)
    )


class Registry:
    """The layers of one kind, by key.

    Args:
        kind: str, what an entry is called in messages, e.g. `"score"`.
    """

    #: What every entry is an instance of.
    base = keras.layers.Layer

    def __init__(self, kind):
        self.kind = kind
        #: With its article, for the start of a message.
        self.one = f"A{'n' * (kind[0] in 'aeiou')} {kind}"
        self._entries = {}
        self._aliases = {}

    def register(self, key, *, family=None, search_space=None, aliases=()):
        """Class decorator: enters the class here and with Keras' saving.

        Args:
            key: str, the name to enter it under, a lower-case identifier that
                nobody has.
            family: str or `None`, a label that `available` can filter by.
                Defaults to `None`.
            search_space: dict or `None`, `{argument: list of values}`, what a
                search may draw for it; the first values are the default. With
                `None` it draws what it varies in all layers that have it.
                Defaults to `None`.
            aliases: tuple of str, other names that `get` knows. Defaults to
                `()`.

        Returns:
            The decorator, which returns the class. Keras saves it under the
            package it was registered under before, or else under the name of
            the module that it comes from.

        Raises:
            ValueError: For a key or an alias that is taken or no identifier,
                for something that is no class of the kind, and for a search
                space that the class does not take.

        Example:

        >>> from keras import ops
        >>> from keras_attention import layers, record_attention
        >>> from keras_attention.ops import hide_masked
        >>> @layers.register("doubled", search_space={"scale": [2.0, 4.0]})
        ... class Doubled2D(layers.AttentionLayer2D):
        ...     weights_kind = "channel"
        ...     def __init__(self, scale=2.0, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.scale = scale
        ...     def build_attention(self, features_shape, query_shape):
        ...         pass  # No weights.
        ...     def attend(self, features, query, mask, training):
        ...         features, _ = hide_masked(features, mask)
        ...         means = ops.mean(features, (1, 2), keepdims=True)
        ...         weights = ops.cast(ops.sigmoid(means), "float32")
        ...         weights = record_attention(self, weights)
        ...         gates = ops.cast(weights, self.compute_dtype)
        ...         return features * self.scale * gates, weights
        ...     def attention_shapes(self, features_shape, query_shape):
        ...         batch, _, _, channels = features_shape
        ...         return features_shape, (batch, 1, 1, channels)
        ...     def get_config(self):
        ...         return {**super().get_config(), "scale": self.scale}
        >>> layer = layers.get("doubled", scale=4.0)
        >>> float(layer(ops.ones((1, 1, 1, 1)))[0, 0, 0, 0])  # 4 * sigmoid(1)
        2.92...
        """

        if isinstance(key, type):
            raise ValueError(
                'register takes a key: @register("my_attention"). '
                f"Received: the class {key.__name__}"
            )

        def decorate(cls):
            self._expect_kind(cls)
            if not isinstance(aliases, tuple | list):
                expected = "a tuple of names"
                raise ValueError(
                    arguments.invalid("aliases", aliases, expected)
                )
            for name in (key, *aliases):
                self._expect_free(name, cls)
            self._expect_searchable(cls, search_space)
            if keras.saving.get_registered_name(cls) == cls.__name__:
                package = cls.__module__.partition(".")[0]
                keras.saving.register_keras_serializable(
                    "Custom" if package == "__main__" else package
                )(cls)
            self._aliases.pop(key, None)
            self._entries[key] = Entry(cls, family, search_space)
            self._aliases.update(dict.fromkeys(aliases, key))
            return cls

        return decorate

    def search_space(self, key):
        """What the class of a key says that a search may draw, or `None`."""
        return self._entries[key].search_space

    def available(self, family=None):
        """The keys in alphabetical order, of one family if given.

        Args:
            family: str or `None`, the label that keys were registered with;
                `None` takes all. Defaults to `None`.

        Returns:
            A list of str.

        Raises:
            ValueError: For a family that no key has.
        """
        families = {entry.family for entry in self._entries.values()} - {None}
        if family is not None and family not in families:
            raise ValueError(
                f"Unknown {self.kind} family {family!r}. Available: "
                f"{', '.join(sorted(families)) or 'none'}."
            )
        return sorted(
            key
            for key, entry in self._entries.items()
            if family in (None, entry.family)
        )

    def get(self, identifier, **config):
        """Returns a layer for an identifier.

        Args:
            identifier: str, class, `keras.layers.Layer` or dict, a key, a
                class, an instance, or the dictionary that `serialize` returns.
            **config: constructor arguments, for a key or a class only.

        Returns:
            A layer; an instance is returned as it is.

        Raises:
            ValueError: For an unknown key, for an argument that the class
                does not have, for configuration beside an instance, and for
                a layer of another kind.
        """
        if isinstance(identifier, type):
            self._expect_kind(identifier)
        return self._expect_layer(self._resolve(identifier, config), self.base)

    def get_any(self, identifier):
        """As `get`, where any Keras layer may stand beside those of the kind.

        Args:
            identifier: str, class, `keras.layers.Layer` or dict, see `get`.
        """
        layer = self._resolve(identifier, {})
        return self._expect_layer(layer, keras.layers.Layer)

    def key_of(self, layer):
        """The key of a layer's class, or the class's name without one."""
        keys = (
            key
            for key, entry in self._entries.items()
            if entry.cls is type(layer)
        )
        return next(keys, type(layer).__name__)

    def serialize(self, layer):
        """The dictionary that `get` turns into a new, unbuilt layer.

        Args:
            layer: `keras.layers.Layer`, registered here or not.

        Returns:
            A dict for JSON.
        """
        config = keras.saving.serialize_keras_object(layer)
        config.pop("build_config", None)
        return config

    def _expect_layer(self, layer, base):
        if not isinstance(layer, base):
            raise ValueError(
                f"{self.one} is a layer of class {base.__name__}, or its key: "
                f"{', '.join(self.available())}. Received: {layer!r}"
            )
        return layer

    def _resolve(self, identifier, config):
        if isinstance(identifier, str):
            identifier = self._find(identifier)
        if takes_config(identifier):
            return self._create(identifier, config)
        if config:
            raise ValueError(
                f"Configuration {sorted(config)} can only be combined with "
                f"the key or the class of {self.one.lower()}. "
                f"Received: {identifier!r}"
            )
        if isinstance(identifier, keras.layers.Layer):
            return identifier
        if isinstance(identifier, dict):
            return keras.saving.deserialize_keras_object(identifier)
        hint = ". Numbers are given by name, such as num_heads=4"
        raise ValueError(
            f"{self.one} must be a key, a class, an instance or a serialized "
            f"configuration. Received: {identifier!r}"
            f"{hint * isinstance(identifier, int)}"
        )

    def _find(self, key):
        name = self._aliases.get(key, key)
        if name in self._entries:
            return self._entries[name].cls
        hint = did_you_mean(key, [*self._entries, *self._aliases])
        raise ValueError(
            f"Unknown {self.kind} {key!r}. {hint}"
            f"Available: {', '.join(self.available())}."
        )

    def _create(self, cls, config):
        try:
            return cls(**config)
        except TypeError as error:
            raise ValueError(
                f"{cls.__name__} cannot be made from {config}: {error}"
            ) from error

    def _expect_free(self, name, cls):
        is_identifier = isinstance(name, str) and name.isidentifier()
        if not is_identifier or name != name.lower():
            expected = "a lower-case identifier, such as 'my_attention'"
            raise ValueError(arguments.invalid("key", name, expected))
        if name not in self._entries and name not in self._aliases:
            return
        taken = self._find(name)
        # A cell of a notebook that runs again defines the same class anew.
        if (taken.__module__, taken.__qualname__) != (
            cls.__module__,
            getattr(cls, "__qualname__", None),
        ):
            raise ValueError(
                f"The key {name!r} is taken by the {self.kind} "
                f"{taken.__name__}. Register {cls!r} under another one."
            )

    def _expect_kind(self, cls):
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            raise ValueError(
                f"{self.one} is a class derived from "
                f"{self.base.__name__}. Received: {cls!r}"
            )

    def _expect_searchable(self, cls, search_space):
        expected = "a dictionary {argument: list of values to try}"
        if search_space is None:
            return
        if not isinstance(search_space, dict) or not all(
            isinstance(values, list) and values
            for values in search_space.values()
        ):
            raise ValueError(
                arguments.invalid("search_space", search_space, expected)
            )
        # Keras counts the layers that it names, and draws seeds for their
        # weights: nobody should find that he is not the first.
        takes = inspect.signature(cls).parameters.values()
        named = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in takes)
        ours = {"name": "tried"} if named else {}
        state = random.getstate()
        try:
            self._try_each(cls, search_space, ours)
        finally:
            random.setstate(state)

    def _try_each(self, cls, search_space, config):
        for name, values in search_space.items():
            for value in values:
                try:
                    self._create(cls, {name: value, **config})
                except ValueError as error:
                    raise ValueError(
                        f"search_space of {cls.__name__} has {name}={value!r}, "
                        f"which the class does not take: {error}"
                    ) from error
