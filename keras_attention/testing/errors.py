"""Promise 10: what cannot be computed is refused, with the reason."""

import keras

from keras_attention.testing.promises import expect
from keras_attention.testing.promises import promise


@promise(10)
def errors(subject):
    """Bad input raises a `ValueError` that names what was received."""
    features, *query = subject.inputs()
    rank_3 = features.reshape((len(features), -1, features.shape[-1]))
    _expect_value_error(
        f"features of shape {rank_3.shape}",
        lambda: subject.layer()(rank_3, *query),
        str(rank_3.shape),
    )
    shape = (*subject.input_shape[1:3], None)
    _expect_value_error(
        "an unknown number of channels",
        lambda: subject.layer()(keras.Input(shape), *query),
        str((None, *shape)),
    )
    if "data_format" in subject.constructor:
        _expect_value_error(
            "data_format='channels_middle'",
            lambda: subject.layer(data_format="channels_middle"),
            "data_format",
            "channels_middle",
        )
    if "mask" in subject.arguments:
        rank_2 = subject.mask()[:, 0]
        _expect_value_error(
            f"a mask of shape {rank_2.shape}",
            lambda: subject.layer()(features, *query, mask=rank_2),
            "mask",
            str(rank_2.shape),
        )


def _expect_value_error(what, call, *words):
    try:
        call()
    except ValueError as error:
        missing = [word for word in words if word not in str(error)]
        expect(
            not missing, f"the error of {what} to say {missing}", repr(error)
        )
    except Exception as error:
        raise AssertionError(
            f"Expected {what} to raise ValueError. Seen: {error!r}"
        ) from error
    else:
        expect(False, f"{what} to raise ValueError", "no error")
