"""What the outputs of a network mean: its loss, its metrics, its labels.

| outputs | labels | loss unless given |
|---|---|---|
| a vector, softmax or logits | the index of a class | cross-entropy |
| the same, `multi_label=True` | 0 or 1 for every class | binary |
| one number, sigmoid | 0 or 1 | binary |
| one number, linear: a regression, or a logit | a number | has to be given |
| several, or maps | as the loss takes them | has to be given |
"""

import keras

from keras_attention.internals import arguments
from keras_attention.tuning.trial.copies import BY_SHAPE
from keras_attention.tuning.trial.copies import Recipe
from keras_attention.tuning.trial.copies import made
from keras_attention.tuning.trial.copies import name_of
from keras_attention.tuning.trial.copies import recipe_of

_OF_CLASSES = ("accuracy", "acc", "binary_accuracy", "BinaryAccuracy")


class Task:
    """The loss and the metrics of a search, and what its labels may be.

    Of arguments of `AttentionHyperModel`. Outputs that need a loss and have
    none are refused, and what would be computed wrong without a word.

    Attributes:
        labels: str, `"index"`, `"multi_label"`, `"binary"`, `"number"`, or
            `"any"`, which only the loss knows.
        classes: int, the number of classes, or `None`.
    """

    def __init__(self, base, multi_label, loss, metrics):
        self.from_logits = base.activation == "linear"
        self.outputs = base.output_names
        self._loss = recipe_of("loss", loss)
        _check_logits(base, self._loss)
        self.labels = _labels(base, multi_label, self._loss)
        self.classes = 2 if self.labels == "binary" else base.classes
        if loss is None and self.labels in ("number", "any"):
            raise ValueError(_missing(base))
        # Labels that are compared with 0.5.
        self._halved = multi_label or self.labels == "binary"
        if metrics is None:
            metrics = self._default_metrics()
        if not isinstance(metrics, list | tuple | dict):
            expected = "a list of metrics, or a dictionary of several outputs"
            raise ValueError(arguments.invalid("metrics", metrics, expected))
        self._asked = recipe_of("metrics", metrics)
        self._check_names()
        if not isinstance(self._asked, dict):
            self._check_metrics()

    def compile_arguments(self):
        """A new loss and new metrics, for `compile`."""
        loss = made(self._loss) if self._loss else self._default_loss()
        return {"loss": loss, "metrics": made(self._asked)}

    def metric_names(self):
        """All names that there can be in the logs of an epoch."""
        names = ["loss", *map(name_of, keras.tree.flatten(self._asked))]
        if len(self.outputs) == 1:
            return names
        return names + [f"{o}_{name}" for o in self.outputs for name in names]

    def _default_loss(self):
        # Names of losses expect probabilities, which not every base gives.
        kind = (
            keras.losses.SparseCategoricalCrossentropy
            if self.labels == "index"
            else keras.losses.BinaryCrossentropy
        )
        return kind(from_logits=self.from_logits)

    def _default_metrics(self):
        """Accuracy where the outputs are told to be classes."""
        if self._loss is None:
            return ["accuracy"]
        if self.classes is None or self.labels == "number":
            return []
        entropy = "entropy" in _loss_name(self._loss)
        if self.from_logits and (self._halved or not entropy):
            return []
        return ["accuracy"]

    def _check_names(self):
        """Raises for an output that the base does not have."""
        for name, what in (("loss", self._loss), ("metrics", self._asked)):
            if isinstance(what, dict) and not {*what} <= {*self.outputs}:
                expected = f"outputs of base, {', '.join(self.outputs)}"
                raise ValueError(arguments.invalid(name, [*what], expected))

    def _check_metrics(self):
        """Refuses what would be wrong without a word."""
        keys = [key for key in self._asked if isinstance(key, str)]
        if keys and self._halved and self.from_logits:
            expected = (
                "metrics that take logits, such as keras.metrics.AUC("
                "from_logits=True), as those by key compare labels with 0.5; "
                "or a base with a sigmoid"
            )
        elif self.labels == "number" and {*keys} & {*_OF_CLASSES}:
            expected = "metrics of a regression, such as 'mae'"
        else:
            return
        raise ValueError(arguments.invalid("metrics", keys, expected))


def _labels(base, multi_label, loss):
    if base.classes is None:
        return "any"
    if multi_label:
        return "multi_label" if loss is None else "any"
    if base.classes > 1:
        return "index" if loss is None else "any"
    if base.activation == "softmax":
        raise ValueError(_missing(base))
    if loss is None:
        return "binary" if base.activation == "sigmoid" else "number"
    return "binary" if "binary" in _loss_name(loss) else "number"


def _check_logits(base, loss):
    """Refuses a loss of probabilities for logits, and the other way round."""
    takes = None
    if isinstance(loss, str) and "entropy" in _loss_name(loss):
        takes = False
    elif isinstance(loss, Recipe):
        takes = (loss.config or {}).get("from_logits")
    is_logits = {"linear": True, "softmax": False, "sigmoid": False}
    if takes is not None and takes != is_logits.get(base.activation, takes):
        expected = (
            f"one with from_logits={not takes}, for the activation "
            f"{base.activation!r} of base"
        )
        name = loss if isinstance(loss, str) else name_of(loss)
        raise ValueError(arguments.invalid("loss", name, expected))


def _loss_name(loss):
    """In lower case; of a key, that of the function that it stands for."""
    if loss in BY_SHAPE["loss"]:
        return "binary_crossentropy"
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    return str(name_of(loss)).lower()


def _missing(base):
    if base.classes is None:
        return (
            "base must be a classifier, with outputs (batch, classes), or come "
            "with the loss of its outputs. Received: loss=None and outputs of "
            f"shape {', '.join(map(str, base.outputs.values()))}"
        )
    return (
        "One output is a number, which takes activation='linear' and "
        "loss='mse'; or the probability of the second of two classes, which "
        "takes activation='sigmoid'; or, with multi_label=True, a label by "
        f"itself. Received: classes={base.classes} and the activation "
        f"{base.activation!r}"
    )
