import keras
import pytest

from keras_attention import layers
from keras_attention.exporting.names import answer_name
from keras_attention.exporting.names import legal_names
from keras_attention.exporting.names import name_answers


def behind(*steps):
    x = inputs = keras.Input((8, 8, 4))
    for step in steps:
        x = step(x)
    return keras.Model(inputs, x)


DENSE = keras.layers.Dense


@pytest.mark.parametrize(
    "steps, name",
    [
        (lambda: [DENSE(2)], "logits"),
        (lambda: [keras.layers.Conv2D(2, 1)], "logits"),
        (lambda: [DENSE(2, "softmax")], "predictions"),
        (lambda: [DENSE(2, "sigmoid")], "predictions"),
        (lambda: [DENSE(2), keras.layers.Softmax()], "predictions"),
        (lambda: [DENSE(2), keras.layers.Activation("softmax")], "predictions"),
        (lambda: [DENSE(2), keras.layers.Activation("linear")], "logits"),
        (
            lambda: [DENSE(2, "softmax"), keras.layers.Activation("linear")],
            "predictions",
        ),
        (lambda: [DENSE(2, "relu")], "outputs"),
        (lambda: [DENSE(2), keras.layers.GlobalMaxPooling2D()], "outputs"),
        # Its activation is that of its bottleneck.
        (lambda: [layers.get("se")], "outputs"),
        (lambda: [keras.Sequential([behind(DENSE(2))])], "logits"),
    ],
)
def test_answers_are_called_by_the_last_activation(steps, name):
    assert answer_name(behind(*steps())) == name
    assert answer_name(keras.Sequential(steps())) == name


def test_an_operation_can_be_last():
    assert answer_name(behind(DENSE(2), keras.ops.sigmoid)) == "predictions"
    assert answer_name(behind(DENSE(2), keras.ops.exp)) == "outputs"


def test_several_answers():
    model = behind(DENSE(2, name="kind"))
    assert name_answers(model, {"a": 1, "b": 2}) == [("a", 1), ("b", 2)]
    assert name_answers(model, [3]) == [("kind", 3)]
    names = [name for name, _ in name_answers(model, [1, 2])]
    assert names == ["outputs_1", "outputs_2"]
    with pytest.raises(ValueError, match="nest under"):
        name_answers(model, {"a": [1, 2]})


def test_legal_names_are_legal_and_unique():
    places = ["a/b", "a#b", "a_b", "2nd", "é", ""]
    names = legal_names(places)
    assert names == ["a_b", "a_b_2", "a_b_3", "_2nd", "_", "__2"]
