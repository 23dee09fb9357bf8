"""Runs the checks of a layer and says which promises it breaks."""

import sys
import time

import keras

from keras_attention.testing import behaviour
from keras_attention.testing import errors
from keras_attention.testing import execution
from keras_attention.testing import exports
from keras_attention.testing import precision
from keras_attention.testing import saving
from keras_attention.testing import shapes
from keras_attention.testing.promises import BrokenPromises
from keras_attention.testing.promises import DoesNotApply
from keras_attention.testing.promises import describe
from keras_attention.testing.subject import Subject

_CHECKS = {
    check.__name__: check
    for check in (
        saving.registration,
        saving.serialization,
        saving.quantization,
        saving.config,
        saving.channels,
        saving.policies,
        shapes.specs,
        shapes.time_distributed,
        shapes.weights,
        execution.compiled,
        execution.jit,
        execution.dynamic_sizes,
        execution.training,
        precision.mixed_precision,
        precision.extreme_inputs,
        precision.masking,
        precision.masked_training,
        behaviour.data_format,
        behaviour.randomness,
        behaviour.identity,
        behaviour.inspection,
        behaviour.masked_inspection,
        execution.compiled_inspection,
        errors.errors,
        exports.saved_model,
        exports.onnx,
        exports.litert,
    )
}


def attention_layer_checks():
    """The names of the checks, in the order in which they run.

    Example:

    >>> from keras_attention.testing import attention_layer_checks
    >>> attention_layer_checks()[:3]
    ['registration', 'serialization', 'quantization']
    """
    return list(_CHECKS)


def check_attention_layer(
    factory,
    input_shape,
    query_shape=None,
    *,
    checks=None,
    skip=(),
    fixed_size=False,
    zero_gradient=(),
    normalized_axes=None,
    verbose=True,
):
    """Checks that an attention layer keeps what a good one promises.

    1. Saved, loaded, cloned or quantized, it is the same layer
       (`registration`, `serialization`, `quantization`).
    2. Its config is its arguments, all of them, and nothing of `build`
       (`config`, `channels`, `policies`).
    3. Declared shapes and dtypes are the computed ones; weights are weights
       (`specs`, `time_distributed`, `weights`).
    4. Compiled is eager, sizes of maps may vary, every weight trains
       (`compiled`, `jit`, `dynamic_sizes`, `training`).
    5. Half precision, extreme inputs, masks and NaN do no harm
       (`mixed_precision`, `extreme_inputs`, `masking`, `masked_training`).
    6. Both data formats of a map give the same numbers (`data_format`).
    7. Nothing is random but by the seed, and only in training
       (`randomness`).
    8. It can start as the identity, and trains from there (`identity`).
    9. Looking at it changes nothing (`inspection`, `masked_inspection`,
       `compiled_inspection`).
    10. What it cannot compute it refuses, with the reason (`errors`).
    12. Exported, it gives the same numbers (`saved_model`, `onnx`, `litert`);
        on TensorFlow, for ONNX with tf2onnx and onnxruntime.

    Promise 11, the numbers of the paper, is for the layer's own tests.

    What a layer offers is read from the signatures of its constructor and of
    its `call`: an argument named `mask`, `data_format`, `identity_init`,
    `dropout`, `seed` or `return_attention_scores` is held to its promise.

    The checks call `keras.utils.set_random_seed`, to be the same every time.

    Args:
        factory: callable, returns a new layer; called as
            `factory(**overrides)` with constructor arguments to add or replace.
            A class or a `functools.partial` of one.
        input_shape: tuple `(batch, height, width, channels)` with a batch of at
            least 2; small, and best with three different sizes.
        query_shape: tuple or `None`, of the second call argument, for a layer
            that needs one, batch first. Defaults to `None`.
        checks: list of str, names of the checks to run; `None` runs all of
            them. Defaults to `None`.
        skip: tuple of str, names of checks to leave out. Defaults to `()`.
        fixed_size: bool, whether height and width must be known in advance.
            Defaults to `False`.
        zero_gradient: tuple of str, parts of the paths of weights whose
            gradient is zero by mathematics, such as a key's bias under a
            softmax. Defaults to `()`.
        normalized_axes: tuple of int, axes of the returned weights over which
            they sum to 1, such as `(-2, -1)`; `None` checks no sums. Defaults
            to `None`.
        verbose: bool, whether to say on the error stream which check runs, and
            how it ended: all of them take a minute or two. Defaults to `True`.

    Returns:
        A dictionary: for each check that was run `"kept"`, or why it does
        not apply to the layer.

    Raises:
        BrokenPromises: An `ExceptionGroup`, and an `AssertionError`, with one
            exception for every failed check.
        ValueError: For unknown names of checks, unfit shapes, and a layer in
            place of what makes one.

    Example:

    >>> from functools import partial
    >>> from keras_attention.layers import SqueezeAndExcite2D
    >>> from keras_attention.testing import check_attention_layer
    >>> check_attention_layer(
    ...     partial(SqueezeAndExcite2D, reduction_ratio=4),
    ...     (2, 6, 5, 8),
    ...     checks=["registration", "config", "errors"],
    ... )
    {'registration': 'kept', 'config': 'kept', 'errors': 'kept'}

    With pytest, one test a promise:

    ```python
    @pytest.mark.parametrize("check", attention_layer_checks())
    def test_my_layer(check):
        check_attention_layer(MyLayer, (2, 6, 5, 8), checks=[check])
    ```
    """
    if isinstance(factory, keras.layers.Layer) or not callable(factory):
        raise ValueError(
            "check_attention_layer makes new layers again and again: pass the "
            "class, functools.partial(MyLayer, argument=value), or a function "
            f"that returns a new layer. Received: {factory!r}"
        )
    chosen = _choose(checks, skip)
    subject = Subject(
        factory,
        input_shape,
        query_shape,
        fixed_size=fixed_size,
        zero_gradient=zero_gradient,
        normalized_axes=normalized_axes,
    )
    results, failures = {}, {}
    for name in chosen:
        keras.utils.set_random_seed(0)
        start = time.monotonic()
        if verbose:
            print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        try:
            _CHECKS[name](subject)
        except DoesNotApply as reason:
            results[name] = f"does not apply: {reason}"
        except Exception as error:
            failures[name] = _failure(_CHECKS[name], error)
        else:
            results[name] = "kept"
        if verbose:
            ended = results.get(name, "broken")
            seconds = time.monotonic() - start
            print(f"{ended} ({seconds:.1f} s)", file=sys.stderr, flush=True)
    if failures:
        lines = "\n".join(f"- {failure}" for failure in failures.values())
        broken = BrokenPromises(
            f"{subject.type.__name__} breaks its promises.\n{lines}\n",
            list(failures.values()),
        )
        broken.checks = tuple(failures)
        raise broken
    return results


def _choose(checks, skip):
    known = attention_layer_checks()
    chosen = known if checks is None else list(checks)
    unknown = sorted({*chosen, *skip} - set(known))
    if unknown:
        raise ValueError(
            f"Unknown checks {unknown}. Available: {', '.join(known)}."
        )
    return [name for name in chosen if name not in skip]


def _failure(check, error):
    failure = AssertionError(describe(check, error))
    failure.__cause__ = error
    return failure
