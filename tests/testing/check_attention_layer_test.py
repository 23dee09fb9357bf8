import random
from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from keras_attention.internals.recording import is_recording
from keras_attention.internals.recording import record_attention
from keras_attention.layers import AttentionLayer2D
from keras_attention.ops import at_least_float32
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import masked_softmax
from keras_attention.ops import tokens_to_map
from keras_attention.testing import BrokenPromises
from keras_attention.testing import attention_layer_checks
from keras_attention.testing import check_attention_layer

SHAPE = (2, 6, 5, 8)
EXPORTS = {"saved_model", "onnx", "litert"}
SLOW = {
    "quantization",
    "jit",
    "dynamic_sizes",
    "compiled",
    "compiled_inspection",
    *EXPORTS,
}
BACKEND = keras.backend.backend()
register = keras.saving.register_keras_serializable("broken")


@register
class Good(AttentionLayer2D):
    """Keeps every promise; those below break one each."""

    policy = property(lambda self: self.dtype_policy)

    def __init__(self, units=4, dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dropout = dropout
        self.seed = seed
        self.drop = keras.layers.Dropout(
            dropout, seed=seed, dtype=self.dtype_policy
        )

    def build_attention(self, features_shape, query_shape):
        self.hidden = keras.layers.Dense(
            self.units, "tanh", name="hidden", dtype=self.policy
        )
        self.hidden.build(features_shape)
        self.score = self.add_weight(shape=(self.units, 1), name="score")

    def hide(self, features, mask):
        return hide_masked(features, mask)

    def align(self, features, mask):
        scores = at_least_float32(ops.matmul(self.hidden(features), self.score))
        scores = ops.transpose(map_to_tokens(scores), (0, 2, 1))
        return masked_softmax(ops.expand_dims(scores, 1), mask)

    def apply(self, features, weights, training):
        weights = ops.expand_dims(weights[:, 0], -1)
        weights = self.drop(weights, training=training)
        return features * ops.cast(weights, features.dtype)

    def attend(self, features, query, mask, training):
        features, mask = self.hide(features, mask)
        weights = self.align(features, mask)
        maps = tokens_to_map(weights[:, :, 0], ops.shape(features)[1:3])
        maps = record_attention(self, maps)
        return self.apply(features, maps, training), maps

    def attention_shapes(self, features_shape, query_shape):
        return features_shape, (features_shape[0], 1, *features_shape[1:3])

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class Unregistered(Good):
    pass


@register
class NoKernelLoads(Good):
    def load_own_variables(self, store):
        pass


@register
class LosesQuantization(Good):
    def get_build_config(self):
        return keras.layers.Layer.get_build_config(self)


@register
class ForgetsArgument(Good):
    def get_config(self):
        config = super().get_config()
        del config["units"]
        return config


@register
class WritesDefault(Good):
    def get_config(self):
        return {**super().get_config(), "units": 4}


@register
class NotJson(Good):
    def get_config(self):
        return {**super().get_config(), "seed": np.float32(1)}


@register
class BuildsIntoConfig(Good):
    def build_attention(self, features_shape, query_shape):
        self.units = features_shape[-1]
        super().build_attention(features_shape, query_shape)


@register
class GlobalPolicy(Good):
    policy = None


@register
class WrongShape(Good):
    def attention_shapes(self, features_shape, query_shape):
        batch, height, width, _ = features_shape
        return features_shape, (batch, 1, width, height)


@register
class WrongKind(Good):
    weights_kind = "pairwise"


@register
class WrongDtype(Good):
    def compute_output_spec(self, features, **arguments):
        specs = super().compute_output_spec(features, **arguments)
        return keras.tree.map_structure(
            lambda spec: keras.KerasTensor(spec.shape, self.compute_dtype),
            specs,
        )


@register
class WeightsInOutputShape(Good):
    def compute_output_shape(
        self, features_shape, query_shape=None, return_attention_scores=True
    ):
        return super().compute_output_shape(
            features_shape, query_shape, return_attention_scores
        )


@register
class NegativeWeights(Good):
    def align(self, features, mask):
        return super().align(features, mask) - 0.1


@register
class HalfSum(Good):
    def align(self, features, mask):
        return super().align(features, mask) / 2


@register
class FixedSize(Good):
    def attend(self, features, query, mask, training):
        _, height, width, channels = features.shape
        features = ops.reshape(features, (-1, height, width, channels))
        return super().attend(features, query, mask, training)


@register
class StaticBatch(Good):
    def apply(self, features, weights, training):
        return super().apply(features, weights, training) / (
            features.shape[0] or 1
        )


@register
class NotForOnnx(Good):
    def align(self, features, mask):
        weights = super().align(features, mask)
        return weights + 0 * ops.logaddexp(weights, weights)


@register
class NotForLiteRT(Good):
    def align(self, features, mask):
        weights = super().align(features, mask)
        first = ops.expand_dims(ops.argmax(weights, axis=-1), -1)
        return weights + 0 * ops.cast(first, weights.dtype)


@register
class UnusedWeight(Good):
    def build_attention(self, features_shape, query_shape):
        super().build_attention(features_shape, query_shape)
        self.spare = self.add_weight(shape=(3,), name="spare")


@register
class HalfPrecisionSoftmax(Good):
    def align(self, features, mask):
        energy = ops.sum(ops.square(features), axis=-1, keepdims=True)
        scores = ops.matmul(self.hidden(features), self.score) * energy
        scores = ops.transpose(map_to_tokens(scores), (0, 2, 1))
        scores = ops.expand_dims(scores, 1)
        if mask is not None:
            scores = ops.where(mask, scores, -3e4)
        weights = at_least_float32(ops.softmax(scores))
        weights = weights / ops.sum(weights, axis=-1, keepdims=True)
        return weights if mask is None else ops.where(mask, weights, 0.0)


@register
class HalfPrecisionWeights(Good):
    def align(self, features, mask):
        weights = super().align(features, mask)
        return ops.cast(weights, self.compute_dtype)


@register
class HalfPrecisionVariables(Good):
    def add_weight(self, **arguments):
        return super().add_weight(**arguments, dtype=self.compute_dtype)


@register
class Float32Outputs(Good):
    def apply(self, features, weights, training):
        return at_least_float32(super().apply(features, weights, training))


@register
class LeaksNaN(Good):
    def hide(self, features, mask):
        return features, super().hide(features, mask)[1]


@register
class IgnoresMask(Good):
    def hide(self, features, mask):
        return features, None


@register
class MinusInfinity(Good):
    def align(self, features, mask):
        weights = super().align(features, None)
        if mask is None:
            return weights
        return ops.softmax(ops.where(mask, ops.log(weights), -np.inf))


@register
class IgnoresDataFormat(Good):
    def _to_channels_last(self, x):
        return x

    def _channels_last_shape(self, shape):
        return shape


@register
class PythonRandom(Good):
    def apply(self, features, weights, training):
        outputs = super().apply(features, weights, training)
        noisy = training and self.dropout
        return outputs * random.random() if noisy else outputs


@register
class NoDropout(Good):
    def apply(self, features, weights, training):
        return super().apply(features, weights, training=False)


@register
class IgnoresSeed(Good):
    def __init__(self, units=4, dropout=0.0, seed=None, **kwargs):
        super().__init__(units, dropout, None, **kwargs)
        self.seed = seed


@register
class ZeroBranch(Good):
    """A zero gain on a zero branch has no gradient: it never trains."""

    def build_attention(self, features_shape, query_shape):
        super().build_attention(features_shape, query_shape)
        self.branch = self.add_weight(
            shape=(), initializer="zeros", name="branch"
        )

    def apply(self, features, weights, training):
        change = super().apply(features, weights, training)
        return features + ops.cast(self.branch, features.dtype) * change


@register
class NotIdentity(Good):
    def build(self, features_shape, query_shape=None):
        super().build(features_shape, query_shape)
        if self.identity_init:
            self.gain.assign(0.5)


@register
class BlendedWeights(Good):
    def attend(self, features, query, mask, training):
        outputs, weights = super().attend(features, query, mask, training)
        return outputs, weights * (self.gain if self.identity_init else 1.0)


@register
class WatchedPot(Good):
    """Looking changes the outputs."""

    def call(
        self,
        features,
        query=None,
        mask=None,
        training=None,
        return_attention_scores=False,
    ):
        outputs, weights = super().call(
            features, query, mask, training, return_attention_scores=True
        )
        if return_attention_scores:
            return outputs * (1 + 1e-6), weights
        return outputs


@register
class StageFright(Good):
    """Its outputs change while they are recorded."""

    def attend(self, features, query, mask, training):
        outputs, weights = super().attend(features, query, mask, training)
        recorded = is_recording()
        return outputs + (1e-3 if recorded else 0.0), weights


@register
class DoesNotRecord(Good):
    def attend(self, features, query, mask, training):
        features, mask = self.hide(features, mask)
        weights = self.align(features, mask)
        maps = tokens_to_map(weights[:, :, 0], ops.shape(features)[1:3])
        return self.apply(features, maps, training), maps


@register
class RecordsTooLate(Good):
    def attend(self, features, query, mask, training):
        features, mask = self.hide(features, mask)
        weights = self.align(features, mask)
        maps = tokens_to_map(weights[:, :, 0], ops.shape(features)[1:3])
        outputs = self.apply(features, maps, training)
        return outputs, record_attention(self, maps)


@register
class TakesAnyRank(Good):
    def _checked_map(self, name, shape):
        return super()._checked_map(name, shape) if len(shape) > 3 else shape

    def attend(self, features, query, mask, training):
        if len(features.shape) < 4:
            return features, features
        return super().attend(features, query, mask, training)


@register
class SaysNothing(Good):
    def build(self, features_shape, query_shape=None):
        try:
            super().build(features_shape, query_shape)
        except ValueError:
            raise ValueError("Bad input.") from None


@register
class TakesAnyMask(Good):
    def _checked_mask(self, mask, features_shape):
        if len(mask.shape) == 2:
            mask = ops.repeat(ops.expand_dims(mask, 1), 6, axis=1)
        return super()._checked_mask(mask, features_shape)


tensorflow_only = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="shapes are only unknown under TensorFlow"
)
float16_only = pytest.mark.skipif(
    BACKEND == "torch", reason="bfloat16 does not overflow"
)


def broken(factory, *checks, words, marks=()):
    name = getattr(factory, "func", factory).__name__
    return pytest.param(factory, set(checks), words, id=name, marks=marks)


BROKEN = [
    broken(
        Unregistered, "registration", "serialization", words="registered name"
    ),
    broken(
        NoKernelLoads, "serialization", "quantization", words="loaded model's"
    ),
    broken(LosesQuantization, "quantization", words="Promise 1"),
    broken(ForgetsArgument, "config", words="'units'"),
    broken(
        partial(WritesDefault, units=3),
        "config",
        "serialization",
        words="units=3",
    ),
    broken(NotJson, "config", "channels", words="JSON"),
    broken(BuildsIntoConfig, "channels", words="keep the config"),
    broken(GlobalPolicy, "policies", words="hidden"),
    broken(WrongShape, "specs", words=r"the shape \(2, 1, 6, 5\)"),
    broken(WrongKind, "weights", words="weights_kind of the class"),
    broken(WrongDtype, "specs", words="the dtype float32 to be declared"),
    broken(
        WeightsInOutputShape,
        "specs",
        "time_distributed",
        "data_format",
        words="compute_output_shape",
    ),
    broken(NegativeWeights, "weights", "masking", words=r"weights in \[0, 1\]"),
    broken(HalfSum, "weights", words="sums of weights"),
    broken(
        FixedSize,
        "dynamic_sizes",
        "saved_model",
        words="Promise 4, dynamic_sizes",
        marks=tensorflow_only,
    ),
    broken(
        StaticBatch,
        "dynamic_sizes",
        "saved_model",
        words="the loss that evaluate returns",
        marks=tensorflow_only,
    ),
    broken(
        NotForOnnx,
        "onnx",
        words="Promise 12, onnx: .* Log1p",
        marks=tensorflow_only,
    ),
    broken(
        NotForLiteRT,
        "onnx",
        "litert",
        words="Promise 12, litert",
        marks=tensorflow_only,
    ),
    broken(UnusedWeight, "training", "identity", words="spare"),
    broken(
        HalfPrecisionSoftmax,
        "extreme_inputs",
        words="the layer returns to be finite",
        marks=float16_only,
    ),
    broken(HalfPrecisionWeights, "weights", "specs", words="float32 weights"),
    broken(
        HalfPrecisionVariables, "mixed_precision", words="float32 variables"
    ),
    broken(Float32Outputs, "mixed_precision", "specs", words="outputs of"),
    broken(LeaksNaN, "masked_training", words="NaN in a masked position"),
    broken(IgnoresMask, "masking", "masked_training", words="Promise 5"),
    broken(
        MinusInfinity, "masking", "masked_inspection", words="masked positions"
    ),
    broken(IgnoresDataFormat, "data_format", words="transposed"),
    broken(PythonRandom, "randomness", words="same seeds"),
    broken(NoDropout, "randomness", words="dropout to change"),
    broken(IgnoresSeed, "randomness", words="a layer with the same seed"),
    broken(ZeroBranch, "identity", words="move in 3 steps"),
    broken(NotIdentity, "identity", words="first outputs"),
    broken(BlendedWeights, "identity", words="mechanism itself"),
    broken(WatchedPot, "inspection", "masked_inspection", words="with weights"),
    broken(
        StageFright,
        "inspection",
        "compiled_inspection",
        words="compiled_inspection: .* outputs while recording",
    ),
    broken(DoesNotRecord, "inspection", words="weights to be recorded"),
    broken(RecordsTooLate, "inspection", words="follow replaced weights"),
    broken(TakesAnyRank, "errors", words=r"features of shape \(2, 30, 8\)"),
    broken(SaysNothing, "errors", words="Bad input"),
    broken(TakesAnyMask, "errors", words="a mask of shape"),
]


def test_a_good_layer_keeps_every_promise():
    results = check_attention_layer(Good, SHAPE, normalized_axes=(-2, -1))
    assert list(results) == attention_layer_checks()
    elsewhere = {"tensorflow": set()}
    left_out = {name for name, result in results.items() if result != "kept"}
    assert left_out == elsewhere.get(BACKEND, {"jit", *EXPORTS})


each_broken = pytest.mark.parametrize(("factory", "checks", "words"), BROKEN)


@each_broken
def test_a_broken_promise_is_named(factory, checks, words):
    with pytest.raises(BrokenPromises, match=words) as caught:
        check_attention_layer(
            factory, SHAPE, checks=sorted(checks), normalized_axes=(-2, -1)
        )
    assert set(caught.value.checks) == checks
    assert len(caught.value.exceptions) == len(checks)


@pytest.mark.long
@each_broken
def test_no_other_promise_is_called_broken(factory, checks, words):
    with pytest.raises(BrokenPromises) as caught:
        check_attention_layer(
            factory, SHAPE, skip=SLOW - checks, normalized_axes=(-2, -1)
        )
    assert set(caught.value.checks) == checks


def test_what_a_layer_does_not_offer_does_not_apply():
    @register
    class Gate(keras.layers.Layer):
        def call(self, x):
            return x * record_attention(self, ops.sigmoid(x))

        def compute_output_shape(self, input_shape):
            return input_shape

    results = check_attention_layer(Gate, SHAPE, skip=SLOW | {"errors"})
    reasons = {n: r for n, r in results.items() if r != "kept"}
    prefix = "does not apply: the "
    assert reasons == {
        "weights": prefix + "call has no return_attention_scores argument",
        "training": "does not apply: the layer has no trainable weights",
        "masking": prefix + "call has no mask argument",
        "masked_training": prefix + "call has no mask argument",
        "data_format": prefix + "constructor has no data_format argument",
        "identity": prefix + "constructor has no identity_init argument",
        "masked_inspection": prefix
        + "call has no return_attention_scores argument",
    }


def test_a_zero_gradient_must_belong_to_a_weight():
    with pytest.raises(AssertionError, match="'no_such_weight'"):
        check_attention_layer(
            Good, SHAPE, checks=["training"], zero_gradient=["no_such_weight"]
        )
    results = check_attention_layer(
        UnusedWeight, SHAPE, checks=["training"], zero_gradient=["spare"]
    )
    assert results == {"training": "kept"}


def test_failures_are_one_assertion_error_with_a_line_each():
    with pytest.raises(AssertionError) as caught:
        check_attention_layer(
            ForgetsArgument, SHAPE, checks=["registration", "config"]
        )
    assert "ForgetsArgument breaks its promises.\n- Promise 2" in str(
        caught.value
    )


def test_unknown_checks_and_unfit_shapes_raise():
    with pytest.raises(ValueError, match="Unknown checks \\['savings'\\]"):
        check_attention_layer(Good, SHAPE, checks=["savings"])
    with pytest.raises(ValueError, match="Unknown checks"):
        check_attention_layer(Good, SHAPE, skip=["savings"])
    with pytest.raises(ValueError, match="batch of at least 2"):
        check_attention_layer(Good, (1, 6, 5, 8))


def test_a_layer_in_place_of_what_makes_one():
    with pytest.raises(ValueError, match=r"functools.partial\(MyLayer"):
        check_attention_layer(Good(), SHAPE)


def test_progress_is_shown(capsys):
    check_attention_layer(Good, SHAPE, checks=["registration", "errors"])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("registration ... kept (")
    check_attention_layer(Good, SHAPE, checks=["errors"], verbose=False)
    assert capsys.readouterr().err == ""
