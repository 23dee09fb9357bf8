"""Two networks against each other: losses, gradients, saving."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention.exporting.runtimes import LOADERS
from keras_attention.tasks import generation

SHAPE = (8, 8, 1)
# JAX compiles an operation at a time, which takes longer.
EAGERLY = keras.backend.backend() != "jax"
IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, *SHAPE)).astype("float32")


def made(classes=None, width=4, cls=generation.AdversarialModel):
    keras.utils.set_random_seed(0)
    attention = {8: "sagan"}
    return cls(
        generation.generator(SHAPE, 4, width, attention, classes),
        generation.discriminator(SHAPE, width, {4: "sagan"}, classes),
        classes=classes,
        seed=0,
    )


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@not_on_jax
def test_losses_by_hand():
    model = made()
    model.compile(keras.optimizers.SGD(0.0))
    generated, _ = model(IMAGES)
    loss = model.compute_loss(IMAGES, None, (generated, None), training=False)
    real, fake = (
        model.discriminator.predict(numpy(x), verbose=0)
        for x in (IMAGES, generated)
    )
    of_discriminator = np.mean(np.maximum(1 - real, 0)) + np.mean(
        np.maximum(1 + fake, 0)
    )
    assert float(loss) == pytest.approx(of_discriminator - fake.mean(), 1e-4)
    logs = model.get_metrics_result()
    assert float(logs["discriminator_loss"]) == pytest.approx(
        of_discriminator, 1e-4
    )
    assert float(logs["generator_loss"]) == pytest.approx(-fake.mean(), 1e-4)


class GeneratorAlone(generation.AdversarialModel):
    def compute_loss(self, x=None, y=None, y_pred=None, *args, **kwargs):
        # Spectral normalization goes a step on, as it does for both.
        super().compute_loss(x, y, y_pred, *args, **kwargs)
        return -keras.ops.mean(self._judged(*y_pred))


class DiscriminatorAlone(generation.AdversarialModel):
    def _judged(self, generated, labels):
        return keras.ops.zeros((1, 1))


@pytest.mark.computing
def test_neither_network_trains_for_the_other():
    """Each changes as if its own loss were the only one."""
    changes = {}
    for cls, frozen in (
        (GeneratorAlone, "discriminator"),
        (DiscriminatorAlone, "generator"),
        (generation.AdversarialModel, None),
    ):
        model = made(cls=cls)
        if frozen is not None:
            # Not the network's flag, which would change its normalization.
            for weight in getattr(model, frozen).trainable_weights:
                weight.trainable = False
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=EAGERLY)
        before = {w.path: numpy(w).copy() for w in model.trainable_weights}
        model.fit(IMAGES, batch_size=8, verbose=0)
        changes[cls] = {
            w.path: numpy(w) - before[w.path] for w in model.trainable_weights
        }
    together = changes.pop(generation.AdversarialModel)
    alone = {k: v for change in changes.values() for k, v in change.items()}
    assert alone.keys() == together.keys()
    for path, change in together.items():
        np.testing.assert_allclose(change, alone[path], atol=1e-5, err_msg=path)
        assert change.any() or "bias" in path or "attention" in path, path


def test_two_rates_a_round_trip_and_images_of_a_seed(tmp_path):
    model = made(classes=3)
    model.compile(generation.two_rates(model), run_eagerly=True)
    model.fit(IMAGES, np.arange(8) % 3, batch_size=8, verbose=0)
    slow, fast = model.optimizer.optimizers
    if float(slow.learning_rate) > float(fast.learning_rate):
        slow, fast = fast, slow
    counts = [
        len(network.trainable_weights)
        for network in (model.generator, model.discriminator)
    ]
    # Adam has two moments a weight, and knows its step and its rate.
    assert [(len(o.variables) - 2) // 2 for o in (slow, fast)] == counts
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = model.generate(3, labels=[2, 0, 1], seed=5)
    assert images.shape == (3, *SHAPE) and np.abs(images).max() <= 1
    np.testing.assert_array_equal(
        loaded.generate(3, labels=[2, 0, 1], seed=5), images
    )
    assert (model.generate(3, labels=0, seed=5) != images).any()
    loaded.train_on_batch(IMAGES, np.arange(8) % 3)


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="it writes both formats"
)
@pytest.mark.parametrize(
    ("format", "suffix"), [("onnx", "onnx"), ("litert", "tflite")]
)
def test_a_generator_leaves_keras(format, suffix, tmp_path):
    generator = made(classes=3, width=2).generator
    generator.get_layer("generator_attention8").gain.assign(0.5)
    inputs = [
        np.random.default_rng(0).normal(size=(2, 4)).astype("float32"),
        np.array([0, 2], "int32"),
    ]
    expected = generator.predict_on_batch(inputs)
    path = tmp_path / f"generator.{suffix}"
    generator.export(path, format=format, verbose=False)

    def one_at_a_time(arrays):
        """LiteRT as the file is: its kernels take no other size of batch."""
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
        for tensor in interpreter.get_input_details():
            (values,) = (a for a in arrays if a.dtype == tensor["dtype"])
            interpreter.set_tensor(tensor["index"], values)
        interpreter.invoke()
        (output,) = interpreter.get_output_details()
        return {"image": interpreter.get_tensor(output["index"])}

    run = one_at_a_time if format == "litert" else LOADERS[format](path)
    for some in (slice(0, 1), slice(1, 2)):
        (found,) = run([values[some] for values in inputs]).values()
        np.testing.assert_allclose(found, expected[some], atol=1e-5)


def test_a_class_has_a_scale_and_a_shift():
    layer = generation.ConditionalBatchNormalization(2)
    labels = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    layer(IMAGES, labels)
    for name in ("gamma", "beta"):
        getattr(layer, name).embeddings.assign([[2.0], [3.0]])
    seen = numpy(layer(IMAGES, labels, training=True))
    mean, deviation = IMAGES.mean(), np.sqrt(IMAGES.var() + 1e-3)
    scale = np.array([2.0, 3.0])[labels][:, None, None, None]
    np.testing.assert_allclose(
        seen, scale * (IMAGES - mean) / deviation + scale, atol=1e-4
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: generation.generator((7, 7, 1)), "sides of at least 8"),
        (lambda: generation.generator((9, 9, 1)), "sides of at least 8"),
        (
            lambda: generation.generator(SHAPE, attention={5: "sagan"}),
            r"among \[8, 4\]",
        ),
        (
            lambda: generation.discriminator(SHAPE, attention={4: "attn_pool"}),
            "keep the map",
        ),
        (
            lambda: generation.AdversarialModel(
                generation.generator(SHAPE, width=2, classes=2),
                generation.discriminator(SHAPE, width=2),
                classes=2,
            ),
            "discriminator: expected a network of 2 inputs",
        ),
        *(
            (
                lambda g=g, d=d: generation.AdversarialModel(
                    generation.generator(SHAPE, width=2, classes=g),
                    generation.discriminator(SHAPE, width=2, classes=d),
                    classes=3,
                ),
                rf"{name}: expected .* classes=3. Received: one of \[2\]",
            )
            for name, g, d in (("generator", 2, 3), ("discriminator", 3, 2))
        ),
        (
            lambda: generation.AdversarialModel(
                generation.generator((16, 16, 1), width=2),
                generation.discriminator(SHAPE, width=2),
            ),
            "must take what the generator makes",
        ),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_labels_that_do_not_fit():
    model = made()
    with pytest.raises(ValueError, match="takes no labels"):
        model.generate(2, labels=[0, 1])
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="trained with no labels"):
        model.fit(IMAGES, np.zeros(8), verbose=0)
    model = made(classes=3, width=2)
    with pytest.raises(ValueError, match="classes from 0 to 2"):
        model.generate(2, labels=[0, 3])
    with pytest.raises(ValueError, match=r"each of 2 images.*shape \(3,\)"):
        model.generate(2, labels=[0, 1, 2])
    if keras.backend.backend() == "torch":  # which raises itself
        return
    # What is none of the classes does not train unseen.
    model.compile("sgd", run_eagerly=True)
    losses = [
        model.compute_loss(IMAGES, labels, model(IMAGES), training=False)
        for labels in (np.full(8, 2), np.full(8, 3), np.full(8, -1))
    ]
    assert np.isfinite([float(x) for x in losses]).tolist() == [1, 0, 0]
