"""What examples register is there for the example alone."""

import pytest

# No modules with doctests, and all of one name.
collect_ignore_glob = ["*/conftest.py"]


@pytest.fixture(autouse=True)
def op_by_op(request):
    """TensorFlow makes no graph for the few steps of a doctest."""
    import keras

    doctest = isinstance(request.node, pytest.DoctestItem)
    if not doctest or keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(autouse=True)
def registries(request):
    """Takes back what a doctest has registered."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    from keras_attention import aggregations
    from keras_attention import alignments
    from keras_attention import layers
    from keras_attention import scores

    kept = {}
    for kind in (scores, alignments, aggregations, layers):
        registry = kind.get.__self__
        kept[registry] = dict(registry._entries), dict(registry._aliases)
    yield
    for registry, (entries, aliases) in kept.items():
        registry._entries, registry._aliases = entries, aliases
