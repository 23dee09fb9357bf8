"""Any TFDS data set as three splits that Keras trains on, on every backend."""

import keras

from keras_attention.datasets.builders import prepare
from keras_attention.datasets.builders import quiet
from keras_attention.datasets.elements import find_fields
from keras_attention.datasets.info import ROLES
from keras_attention.datasets.info import DataInfo
from keras_attention.datasets.info import Splits
from keras_attention.datasets.placement import check_size
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import positive_int


def load(
    name,
    size=None,
    batch_size=32,
    seed=0,
    supervised=True,
    validation_share=0.1,
    data_dir=None,
    cache=True,
    **builder_kwargs,
):
    """Loads a data set by its TFDS name as `train, validation, test`.

    On the TensorFlow backend the splits are `tf.data.Dataset`s; on JAX and
    PyTorch they are `keras.utils.PyDataset`s and TensorFlow is not imported,
    unless TFDS has to prepare a data set whose builder makes arrays, which it
    encodes with TensorFlow. The training split is reshuffled every epoch, in
    an order that only `seed` and the number of the epoch decide. The data
    set's own validation split is used; without one it is carved from the end
    of `train`. Without a test split the validation split takes its place and
    validation is carved from `train`; with neither, both are carved.

    Args:
        name: str, a TFDS name such as `"cluttered_digits"`, `"cifar10"`, or
            `"oxford_iiit_pet:4.0.0"`. TFDS downloads what is not on disk.
        size: int or tuple `(height, width)` the images are resized to,
            bilinearly with antialiasing; `None` keeps their size. Defaults to
            `None`.
        batch_size: int. The last batch of a split may be smaller. Defaults to
            `32`.
        seed: int, the seed of the order of the training examples. Defaults to
            `0`.
        supervised: bool, elements `(image, label)`; `False` gives dicts with
            `image`, `label`, and what there is of `labels`, `mask`, `boxes` and
            `caption`. Boxes are padded with zeros to one number. Defaults to
            `True`.
        validation_share: float, the share of `train` that a missing validation
            or test split is carved from. Defaults to `0.1`.
        data_dir: str or path, folder of the prepared data; TFDS's default if
            `None`. Defaults to `None`.
        cache: bool, keep the decoded examples in memory. Defaults to `True`.
        **builder_kwargs: passed to the builder: the settings of
            `DigitsSettings` for `"cluttered_digits"`, `config=` for others.

    Returns:
        A `Splits` of batches: image float32 `(batch, height, width,
        channels)` in [0, 1], label int64 `(batch,)`.

    Raises:
        ValueError: on an unknown name, a data set without image, label or
            training split, images of different sizes without `size`, or a
            bad argument.

    Example:

    ```python
    train, validation, test = datasets.load(
        "cluttered_digits", digits=2, colour=True
    )
    model.fit(train, validation_data=validation, epochs=10)
    ```
    """
    positive_int("batch_size", batch_size)
    if not 0 < validation_share < 0.5:
        expected = "a share between 0 and 0.5"
        raise ValueError(
            invalid("validation_share", validation_share, expected)
        )
    size = check_size(size)
    tensorflow = keras.backend.backend() == "tensorflow"
    file_format = "tfrecord" if tensorflow else "array_record"
    builder = prepare(name, file_format, data_dir, **builder_kwargs)

    features = builder.info.features
    fields = find_fields(features, supervised)
    *native, channels = features[fields["image"]].shape
    one_shape = None not in native
    if size is None and not one_shape:
        raise ValueError(
            f"The images of {name!r} differ in size. Pass `size` to resize "
            "them to one. Received: size=None"
        )
    size = size or tuple(native)

    splits = builder.info.splits
    counts = {split: int(splits[split].num_examples) for split in splits}
    sources = plan_splits(counts, validation_share)
    info = DataInfo(
        name=builder.info.full_name,
        image_shape=(*size, channels),
        class_names=tuple(getattr(features[fields["label"]], "names", ())),
        sizes={r: int(splits[s].num_examples) for r, s in sources.items()},
        sources=sources,
    )

    def batches(role):
        options = dict(
            batch_size=batch_size,
            size=size,
            supervised=supervised,
            seed=seed if role == "train" else None,
            cache=cache,
        )
        if tensorflow:
            from keras_attention.datasets.tf_dataset import make_dataset

            options |= dict(count=info.sizes[role], one_shape=one_shape)
            return make_dataset(builder, sources[role], fields, **options)
        from keras_attention.datasets.py_dataset import Batches

        source = builder.as_data_source(sources[role])
        return Batches(source, fields, **options)

    # TFDS warns of a deprecation within itself, once a feature.
    with quiet():
        return Splits(*map(batches, ROLES), info)


def plan_splits(counts, share):
    """The TFDS splits that make up train, validation and test, without overlap.

    `counts` are those of the data set's splits, `share` the share of `train`
    that makes up a missing one.
    """
    if "train" not in counts:
        raise ValueError(
            "The data set has no training split. "
            f"It has the splits {sorted(counts)}."
        )
    plan = {role: role for role in ("test", "validation") if role in counts}
    if "test" not in plan and "validation" in plan:
        plan = {"test": "validation"}
    missing = [role for role in ("test", "validation") if role not in plan]
    stop = counts["train"]
    part = round(share * stop)
    if missing and part == 0:
        raise ValueError(
            f"No {' and '.join(missing)} split can be carved from {stop} "
            f"training examples. Received: validation_share={share}"
        )
    end = ""
    for role in missing:
        stop -= part
        plan[role] = f"train[{stop}:{end}]"
        end = stop
    plan["train"] = f"train[:{stop}]" if missing else "train"
    return {role: plan[role] for role in ROLES}
