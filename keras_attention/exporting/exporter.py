"""A trained model as a file that needs no Keras."""

import numpy as np
from keras import ops

from keras_attention.exporting import images as given
from keras_attention.exporting import measures
from keras_attention.exporting.conversion import convert
from keras_attention.exporting.conversion import explain
from keras_attention.exporting.float32_copy import float32_copy
from keras_attention.exporting.formats import checked_format
from keras_attention.exporting.pixels import pixels
from keras_attention.exporting.report import ExportReport
from keras_attention.exporting.report import quantization_words
from keras_attention.exporting.runtimes import LOADERS
from keras_attention.exporting.served_model import INPUT_NAME
from keras_attention.exporting.served_model import ServedModel
from keras_attention.exporting.target import checked_target
from keras_attention.exporting.target import size_of
from keras_attention.internals import arguments
from keras_attention.internals.files import written_whole

# A file in float32 that is further from Keras, in units of the largest entry
# or of 1, computes something else.
_TOLERANCE = 1e-2


def export(
    model,
    path,
    format="saved_model",
    *,
    input_shape=None,
    preprocessing=True,
    maps=True,
    quantize=None,
    calibration=None,
    test=None,
    overwrite=False,
):
    """Writes a model as a file that takes stored images and shows its maps.

    The file takes a batch of images as they are stored, `uint8` from 0 to
    255, and returns named outputs: the answers of the model and the weights
    of every attention layer. It is converted from a float32 copy of the
    model, run, and compared with Keras before it gets its name; the model
    itself is not changed.

    | format | is | runs in | from the backend | quantize |
    |---|---|---|---|---|
    | `saved_model` | a folder | TensorFlow, TF Serving | TensorFlow, JAX | - |
    | `onnx` | an `.onnx` file | ONNX Runtime | TensorFlow, PyTorch | both |
    | `litert` | a `.tflite` file | phones, browsers | TensorFlow | both |

    Outputs are called `predictions` behind a softmax or sigmoid, `logits`
    without activation and `outputs` where that cannot be known; several
    outputs keep their names. A map is called by its path in the model
    (`block3_pool_se`), where anything but letters, digits and `_` becomes
    `_`: `encoder/attention` is `encoder_attention`, and the second call
    `attention#2` is `attention_2`. A name that is taken gets `_2`. All
    outputs are float32. Ask for them by name: the first of an ONNX file is the
    first of the alphabet, often a map.

    Args:
        model: `keras.Model`, built, with one image as its input.
        path: str or path, where to: a folder for `"saved_model"`, otherwise a
            file with the suffix of the format.
        format: str, `"saved_model"`, `"onnx"` or `"litert"`. Defaults to
            `"saved_model"`.
        input_shape: tuple `(height, width, channels)` of the images, with
            `None` for sizes that stay free, or `None`, which takes what the
            model does. JAX and PyTorch need fixed sizes. Defaults to `None`.
        preprocessing: bool, tuple, callable or `keras.layers.Layer`, what is
            done to the images first. `True` reads it off the model's own first
            steps, such as the `Rescaling` and `Normalization` of many
            `keras.applications`: where they take 0 to 255, the images are only
            cast to float32, where they take 0 to 1, divided by 255; where
            nothing tells, it is an error. `(0, 1)` is the range of the images
            that the model takes, here those of `keras_attention.datasets`. A
            function or a Keras layer is applied to the float32 images from 0 to
            255: `preprocess_input` for networks whose preprocessing stands
            outside. What contradicts the model's own first steps is an
            error. `False` exports a model of float32 images as it takes
            them. Defaults to `True`.
        maps: bool, whether to return the weights of attention layers. Defaults
            to `True`.
        quantize: str or `None`, `"float16"` stores weights in 16 bits and
            computes in float32; `"int8"` stores weights in 8 bits. Defaults to
            `None`.
        calibration: array `(count, height, width, channels)` or `None`, with
            `"int8"` images that the file would be given; a hundred are usual.
            With them the products of layers are computed in int8 at scales that
            are fixed beforehand. Without, scales are found image by image.
            Defaults to `None`.
        test: tuple `(images, labels)` to compare on, integer labels `(count,)`,
            for the accuracy of both; `None` takes four seeded images of noise.
            Defaults to `None`.
        overwrite: bool, whether to replace a file of the same format. Defaults
            to `False`.

    Returns:
        An `ExportReport`: print it, show it in a notebook, or save it.

    Raises:
        ValueError: For a format, a quantization or a path that is not
            possible; for a backend that cannot write the format; for models
            with several inputs and inputs that are no images; for a model
            with an operation that the format does not have, naming the layer;
            for a result that differs from Keras without being quantized.
        ImportError: If a package is missing.

    Example:

    >>> import keras, os, tempfile
    >>> from keras_attention.layers import SqueezeAndExcite2D
    >>> inputs = keras.Input((8, 8, 3))
    >>> x = keras.layers.Conv2D(4, 3)(inputs)
    >>> x = SqueezeAndExcite2D(name="se")(x)
    >>> x = keras.layers.GlobalAveragePooling2D()(x)
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(x))
    >>> on_torch = keras.backend.backend() == "torch"
    >>> name = "model.onnx" if on_torch else "model"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = export(
    ...         model,
    ...         os.path.join(folder, name),
    ...         format="onnx" if on_torch else "saved_model",
    ...         preprocessing=(0, 1),
    ...     )
    >>> report.paths
    {'logits': 'logits', 'se': 'se'}
    >>> report.preprocessing
    'scaling: the model takes images from 0 to 1'
    >>> report.difference < 1e-5
    True

    Cost:
        A conversion takes seconds to minutes, and twice the memory of the
        model if that is not in float32.
    """
    arguments.boolean("maps", maps)
    arguments.boolean("overwrite", overwrite)
    format = checked_format(format, quantize, calibration)
    target = checked_target(path, format, overwrite)
    shape = given.image_shape(model, input_shape)

    copy = float32_copy(model)
    example = measures.random_images(shape, "float32")
    steps = pixels(copy, preprocessing, example.shape[1:])
    images, labels = given.test_images(test, steps.dtype, shape)
    if calibration is not None:
        calibration = given.checked_images(
            "calibration", calibration, steps.dtype, shape
        )
    served = ServedModel(copy, steps, maps)
    outputs = served.outputs_for(ops.convert_to_tensor(images[:1]))
    served(ops.convert_to_tensor(images[:1]))  # Keras exports what was called
    in_keras = measures.in_keras(served)
    expected = measures.answer(in_keras, images)
    before = None
    if labels is not None:
        answer = _single_answer(outputs)
        before = (
            expected[answer.name]
            if copy is model
            else measures.answers_of(model, steps, images)
        )

    with written_whole(target) as new:
        try:
            convert(served, str(new), format, shape, quantize, calibration)
            load = LOADERS[format.name](new)
            in_runtime = lambda batch: load([batch])  # noqa: E731
            seen = measures.answer(in_runtime, images)
        except Exception as error:
            raise ValueError(explain(error, model, format)) from error
        differences = measures.differences(seen, expected)
        if quantize is None:
            _check_differences(differences, expected, model, format)
        scores = {}
        if labels is not None:
            scores = _accuracies(answer, seen, before, labels)
        return ExportReport(
            format=format.name,
            path=str(target),
            bytes=size_of(new),
            images={
                "name": INPUT_NAME,
                "dtype": steps.dtype,
                "shape": [None, *shape],
            },
            preprocessing=steps.words,
            quantization=quantization_words(format, quantize, calibration),
            compared=_compared_words(images, labels, copy is not model),
            paths={output.name: output.path for output in outputs},
            differences={o.name: differences[o.name] for o in outputs},
            milliseconds=measures.milliseconds(in_runtime, images),
            keras_milliseconds=measures.milliseconds(in_keras, images),
            **scores,
        )


def _single_answer(outputs):
    """The output that has one score a class, for labels."""
    answers = [output for output in outputs if not output.is_map]
    if len(answers) != 1 or len(answers[0].tensor.shape) != 2:
        shapes = {o.name: tuple(o.tensor.shape) for o in answers}
        raise ValueError(
            "Invalid value for argument test: labels need a model with one "
            f"output (batch, classes). Received: outputs {shapes}"
        )
    return answers[0]


def _accuracies(answer, seen, before, labels):
    threshold = 0.0 if answer.name == "logits" else 0.5
    return {
        "accuracy": measures.accuracy(seen[answer.name], labels, threshold),
        "keras_accuracy": measures.accuracy(before, labels, threshold),
    }


def _check_differences(differences, expected, model, format):
    wrong = {
        name: difference
        for name, difference in differences.items()
        # A comparison with NaN is false.
        if not difference
        <= _TOLERANCE * max(1.0, np.abs(expected[name]).max(initial=0.0))
    }
    if wrong:
        raise ValueError(
            f"The model {model.name!r} was written as {format.name!r}, but "
            "the file computes something else than Keras: the largest "
            f"differences are {wrong}. Nothing was kept"
        )


def _compared_words(images, labels, is_copy):
    what = "test images" if labels is not None else "seeded images of noise"
    sizes = " x ".join(map(str, images.shape[1:]))
    copy = "a float32 copy of the model" if is_copy else "the model"
    return f"{len(images)} {what} of {sizes}, with {copy} in Keras"
