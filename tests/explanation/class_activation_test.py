"""Grad-CAM and its kin, against closed forms, of every kind of model."""

import threading

import keras
import numpy as np
import pytest

from keras_attention import attach
from keras_attention import explanation
from keras_attention import visualization
from keras_attention.explanation import grad_cam

IMAGES = np.random.default_rng(0).normal(size=(4, 10, 10, 3)).astype("float32")


def backbone(**kwargs):
    """A functional model whose last map is `features`."""
    inputs = keras.Input((10, 10, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", **kwargs)(inputs)
    x = keras.layers.Conv2D(6, 3, name="features", **kwargs)(x)
    return keras.Model(inputs, x, name="backbone")


def with_head(x, activation="softmax"):
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    return keras.layers.Dense(3, activation, name="answer")(pooled)


@pytest.fixture(scope="module")
def model():
    inside = backbone()
    return keras.Model(inside.input, with_head(inside.output))


def parts(model):
    """What the layer computes, and the weights of the answer."""
    features = keras.Model(model.input, model.get_layer("features").output)
    kernel = keras.ops.convert_to_numpy(model.get_layer("answer").kernel)
    return features.predict(IMAGES, verbose=0), kernel


@pytest.mark.computing
def test_of_a_pooled_network_it_is_the_class_activation_map(model):
    features, kernel = parts(model)
    predicted = model.predict(IMAGES, verbose=0).argmax(1)
    cam = np.einsum("bhwk,kb->bhw", features, kernel[:, predicted]) / 36
    seen = grad_cam(model, IMAGES, batch_size=3)
    np.testing.assert_allclose(seen, np.maximum(cam, 0), atol=1e-6)
    np.testing.assert_allclose(
        explanation.hires_cam(model, IMAGES, predicted), seen, atol=1e-6
    )
    # Negative gradients do not count, or count by the paper's share.
    gradient = kernel[:, predicted].T[:, None, None] / 36
    positive = np.maximum(gradient, 0)
    np.testing.assert_allclose(
        explanation.layer_cam(model, IMAGES),
        np.maximum((positive * features).sum(-1), 0),
        atol=1e-6,
    )
    total = features.sum((1, 2), keepdims=True)
    share = gradient**2 / (2 * gradient**2 + gradient**3 * total)
    np.testing.assert_allclose(
        explanation.grad_cam_plus_plus(model, IMAGES),
        np.maximum((36 * share * positive * features).sum(-1), 0),
        rtol=1e-4,
        atol=1e-6,
    )


@pytest.mark.computing
def test_hires_cam_is_the_gradient_of_every_position():
    inside = backbone()
    dense = keras.layers.Dense(2, name="answer")
    flat = keras.layers.Flatten()(inside.output)
    model = keras.Model(inside.input, dense(flat))
    features, kernel = parts(model)
    weighted = features * kernel[:, 1].reshape(6, 6, 6)
    np.testing.assert_allclose(
        explanation.hires_cam(model, IMAGES, 1),
        np.maximum(weighted.sum(-1), 0),
        atol=1e-5,
    )


class Subclassed(keras.Model):
    """A model of which nobody knows what is between its layers."""

    def __init__(self, inside, head):
        super().__init__()
        self.inside, self.head = inside, head

    def call(self, x):
        return self.head(keras.ops.mean(self.inside(x), (1, 2)))


class Unseen(Subclassed):
    """And that cannot be run on shapes."""

    def call(self, x):
        keras.ops.convert_to_numpy(x)
        return super().call(x)


@pytest.mark.computing
def test_every_kind_of_model_gives_the_same_maps(model):
    expected = grad_cam(model, IMAGES, 1)
    inside = keras.Model(model.input, model.get_layer("features").output)
    head = model.get_layer("answer")
    before = model.predict(IMAGES, verbose=0)
    inputs = keras.Input((10, 10, 3))
    nested = keras.Model(inputs, model(inputs))
    pool = keras.layers.GlobalAveragePooling2D()
    sequential = keras.Sequential([inside, pool, head])
    sequential.build((None, 10, 10, 3))
    twice = keras.Model(inputs, nested(inputs))
    kinds = [nested, twice, sequential, Subclassed(inside, head)]
    for kind in kinds:
        np.testing.assert_allclose(
            grad_cam(kind, IMAGES, 1), expected, rtol=1e-5, atol=1e-7
        )
    path = nested.layers[-1].name + "/features"
    named = grad_cam(nested, IMAGES, 1, layer=path)
    np.testing.assert_array_equal(named, grad_cam(nested, IMAGES, 1))
    # Nothing is left behind.
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), before)
    assert "call" not in vars(model.get_layer("features"))
    assert head.activation is keras.activations.softmax


def test_a_model_that_cannot_be_run_on_shapes_needs_the_layers_name(model):
    inside = keras.Model(model.input, model.get_layer("features").output)
    head = keras.layers.Dense(3)
    unseen = Unseen(inside, head)
    unseen(IMAGES)
    with pytest.raises(ValueError, match="Pass layer=.*shapes"):
        grad_cam(unseen, IMAGES, 1)
    assert grad_cam(unseen, IMAGES, 1, layer="features").shape == (4, 6, 6)


def test_attached_attention_is_explained_from_outside_and_inside(model):
    attached = attach(model, {"features": "cbam"})
    # Its gain is 0: the same answers, from the same map.
    np.testing.assert_allclose(
        grad_cam(attached, IMAGES, 1), grad_cam(model, IMAGES, 1), atol=1e-6
    )
    assert grad_cam(attached, IMAGES, 1, layer="conv2d").shape == (4, 8, 8)


def test_saturated_softmax_still_has_a_gradient(model):
    inside = keras.Model(model.input, model.get_layer("features").output)
    sure = keras.Model(inside.input, with_head(inside.output))
    kernel = sure.get_layer("answer").kernel
    kernel.assign(1e6 * kernel)
    assert sure.predict(IMAGES, verbose=0).max() == 1
    assert grad_cam(sure, IMAGES).max() > 0
    # A layer of its own, too.
    logits = keras.Model(inside.input, with_head(inside.output, None))
    soft = keras.layers.Softmax()(logits.output)
    logits.get_layer("answer").set_weights(
        sure.get_layer("answer").get_weights()
    )
    np.testing.assert_array_equal(
        grad_cam(keras.Model(logits.inputs, soft), IMAGES, 0),
        grad_cam(logits, IMAGES, 0),
    )


def test_targets(model):
    scores = grad_cam(model, IMAGES, [0, 1, 2, 1])
    np.testing.assert_array_equal(scores[1], grad_cam(model, IMAGES, 1)[1])
    by_function = grad_cam(model, IMAGES, lambda answers: 2 * answers[:, 1])
    np.testing.assert_allclose(by_function[3], 2 * scores[3], rtol=1e-5)
    inside = keras.Model(model.input, model.get_layer("features").output)
    binary = keras.layers.Dense(1, "sigmoid")
    pooled = keras.layers.GlobalAveragePooling2D()(inside.output)
    single = keras.Model(inside.input, binary(pooled))
    np.testing.assert_array_equal(
        grad_cam(single, IMAGES), grad_cam(single, IMAGES, 1)
    )
    assert not (grad_cam(single, IMAGES, 0) * grad_cam(single, IMAGES)).any()
    both = keras.Model(model.inputs, [model.output, inside.output])
    np.testing.assert_allclose(
        grad_cam(both, IMAGES, lambda answers: answers[0][:, 1]),
        grad_cam(model, IMAGES, 1),
        atol=1e-6,
    )
    with pytest.raises(ValueError, match="several outputs needs a target"):
        grad_cam(both, IMAGES, 1)


def test_a_mask_or_box_of_a_map_of_answers_is_a_target():
    inside = backbone(padding="same")
    head = keras.layers.Conv2D(2, 1, activation="softmax")
    model = keras.Model(inside.input, head(inside.output))
    masks = np.zeros((4, 10, 10))
    masks[:, 2:5, 6:] = 1
    maps = explanation.hires_cam(
        model, IMAGES, explanation.InsideMask(masks, 1), layer="features"
    )
    # A 1x1 convolution: what is outside of the mask has no part.
    assert maps.any() and not maps[masks == 0].any()
    box = explanation.InsideMask([[0.2, 0.6, 0.5, 1.0]] * 4, 1)
    np.testing.assert_array_equal(
        explanation.hires_cam(model, IMAGES, box, layer="features"), maps
    )


def test_mixed_precision_channels_first_and_volumes(model):
    expected = grad_cam(model, IMAGES, 1)
    half = keras.models.clone_model(
        model,
        clone_function=lambda layer: type(layer).from_config(
            {**layer.get_config(), "dtype": "mixed_bfloat16"}
        ),
    )
    half.set_weights(model.get_weights())
    seen = grad_cam(half, IMAGES, 1)
    assert seen.dtype == "float32"
    np.testing.assert_allclose(seen, expected, atol=0.03 * expected.max())

    cubes = keras.Input((6, 6, 6, 1))
    features = keras.layers.Conv3D(4, 3)(cubes)
    pooled = keras.layers.GlobalAveragePooling3D()(features)
    volumes = keras.Model(cubes, keras.layers.Dense(2)(pooled))
    assert grad_cam(volumes, np.ones((2, 6, 6, 6, 1)), 0).shape == (2, 4, 4, 4)


def test_channels_first_is_the_transposed(model):
    inputs = keras.Input((3, 10, 10))
    first = {"data_format": "channels_first"}
    x = keras.layers.Conv2D(4, 3, activation="relu", **first)(inputs)
    x = keras.layers.Conv2D(6, 3, name="features", **first)(x)
    pooled = keras.layers.GlobalAveragePooling2D(**first)(x)
    turned = keras.Model(inputs, keras.layers.Dense(3, "softmax")(pooled))
    turned.set_weights(model.get_weights())
    images = IMAGES.transpose(0, 3, 1, 2)
    for method in ("grad_cam", "saliency"):
        method = getattr(explanation, method)
        np.testing.assert_allclose(
            method(turned, images, 1), method(model, IMAGES, 1), atol=1e-6
        )


def test_tokens_are_a_grid_with_or_without_a_class_token(model):
    inside = keras.Model(model.input, model.get_layer("features").output)
    tokens = keras.layers.Reshape((36, 6), name="tokens")(inside.output)
    padded = keras.layers.ZeroPadding1D((1, 0), name="and_class")(tokens)
    pooled = keras.layers.GlobalAveragePooling1D()(padded[:, 1:])
    transformer = keras.Model(inside.input, model.get_layer("answer")(pooled))
    for layer in ("tokens", "and_class"):
        np.testing.assert_allclose(
            grad_cam(transformer, IMAGES, 1, layer=layer),
            grad_cam(model, IMAGES, 1),
            atol=1e-6,
        )
    cut = keras.layers.Cropping1D((0, 3), name="cut")(padded)
    pooled = keras.layers.GlobalAveragePooling1D()(cut)
    other = keras.Model(inside.input, model.get_layer("answer")(pooled))
    with pytest.raises(ValueError, match="34 tokens are no grid"):
        grad_cam(other, IMAGES, 1, layer="cut")


def test_layers_that_explain_nothing_are_refused(model):
    inputs = keras.Input((10, 10, 3))
    features = keras.layers.Conv2D(4, 3, name="dead")(inputs)
    off = keras.ops.relu(-1e6 - keras.ops.square(features))
    aside = keras.Model(inputs, with_head(off))
    with pytest.raises(ValueError, match="does not depend on layer"):
        grad_cam(aside, IMAGES, 1, layer="dead")
    shared = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    repeated = keras.Model(inputs, with_head(shared(shared(inputs))))
    with pytest.raises(ValueError, match="'shared' is called 2 times"):
        grad_cam(repeated, IMAGES, 1, layer="shared")
    for layer, message in [
        ("answer", "output of layer 'answer' is no map"),
        ("feature", "Did you mean 'features'"),
    ]:
        with pytest.raises(ValueError, match=message):
            grad_cam(model, IMAGES, 1, layer=layer)
    flat = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    flat.build((None, 10, 10, 3))
    with pytest.raises(ValueError, match="no layer whose output is a map"):
        grad_cam(flat, IMAGES, 1)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (3, "a class below 3. Received: 3"),
        (-1, "Invalid value for argument target"),
        (0.5, "Invalid value for argument target"),
        ([0, 1], "one entry an image, 4"),
        (lambda answers: answers, r"returns shape \(4, 3\)"),
    ],
    ids=["above", "below", "share", "too few", "function"],
)
def test_bad_targets(model, target, message):
    with pytest.raises(ValueError, match=message):
        grad_cam(model, IMAGES, target)


def test_no_images(model):
    with pytest.raises(ValueError, match="not empty"):
        grad_cam(model, IMAGES[:0])


def test_the_promised_name(model):
    np.testing.assert_array_equal(
        visualization.grad_cam(model, IMAGES, 1), grad_cam(model, IMAGES, 1)
    )


def test_others_see_the_model_as_it_is_while_it_is_listened_to(model):
    """Another thread's answers have their softmax, and nobody hears them."""
    before = model.predict(IMAGES, verbose=0)
    expected = grad_cam(model, IMAGES, 1)
    seen = []

    def meanwhile(answers):
        other = threading.Thread(target=lambda: seen.append(model(IMAGES)))
        other.start()
        other.join()
        return answers[:, 1]

    np.testing.assert_array_equal(grad_cam(model, IMAGES, meanwhile), expected)
    [answers] = seen
    answers = keras.ops.convert_to_numpy(answers)
    np.testing.assert_allclose(answers, before, atol=1e-6)

    def fails(answers):
        raise RuntimeError("no score")

    with pytest.raises(RuntimeError, match="no score"):
        grad_cam(model, IMAGES, fails)
    assert "call" not in vars(model.get_layer("features"))
    assert model.get_layer("answer").activation is keras.activations.softmax
    np.testing.assert_array_equal(grad_cam(model, IMAGES, 1), expected)
