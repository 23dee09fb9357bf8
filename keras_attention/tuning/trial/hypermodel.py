"""A network whose attention, width and training are drawn by a tuner."""

import keras
import keras_tuner

from keras_attention.internals import arguments
from keras_attention.tuning.space.bases import check_outputs
from keras_attention.tuning.space.bases import make_base
from keras_attention.tuning.space.choices import check_choices
from keras_attention.tuning.space.combinations import size_of
from keras_attention.tuning.space.mechanisms import NONE
from keras_attention.tuning.space.mechanisms import UNIFORM
from keras_attention.tuning.space.options import attention_options
from keras_attention.tuning.space.spaces import attention_space
from keras_attention.tuning.space.spaces import exchanged
from keras_attention.tuning.space.spaces import network_space
from keras_attention.tuning.space.spaces import training_space
from keras_attention.tuning.trial.budget import COSTS
from keras_attention.tuning.trial.budget import Budget
from keras_attention.tuning.trial.data import read_arguments
from keras_attention.tuning.trial.data import runs_of
from keras_attention.tuning.trial.given_values import check_values
from keras_attention.tuning.trial.labels import check_labels
from keras_attention.tuning.trial.schedule import make_optimizer
from keras_attention.tuning.trial.training import summary_of
from keras_attention.tuning.trial.training import train


class AttentionHyperModel(keras_tuner.HyperModel):
    """Which attention, where, and how to train it, as a `HyperModel`.

    `keras_attention.tuning.search` and every tuner of KerasTuner take it.
    What is drawn is described in `space.spaces`; combinations that cannot work
    are never drawn. The plain network is in the space, and is the default.

    Args:
        input_shape: tuple, of the images, sizes known. `None` takes that of
            `base`. Defaults to `None`.
        classes: int, number of classes. `None` takes that of `base`. Defaults
            to `None`.
        base: str or `keras.Model`, `"vgg16_bn"`, with random weights, into
            which attention is inserted and which it taps (see
            `VGG16BNAttention`); or a functional classifier, behind whose layers
            it is attached (see `attach`). Every trial starts from the weights
            of such a base. Defaults to `"vgg16_bn"`.
        mechanisms: str or list of str, keys and families of
            `keras_attention.layers`, and `"uniform"`, the even pooling of a
            place. `None` takes all. Defaults to `None`.
        places: str or list of str, layers and blocks. `None` takes blocks 3 to
            5, or of a functional base the last layer at each map size. Defaults
            to `None`.
        several: bool, whether several places may have attention at once.
            Defaults to `True`.
        choices: dict, other values to draw from: the names in `space.choices`
            to a list, a tuple `(low, high)` or a single value, which is not
            searched. Defaults to `None`.
        max_overhead: float, dict or `None`, bounds what attention may cost
            beside the plain network of the same width: 0.1 allows 10 % more
            FLOPs. A dictionary bounds `"flops"`, `"parameters"` and
            `"activation_bytes"`. A mechanism that is too costly by itself is
            never drawn. Several that are so together are refused in `build`,
            before any training, by a `TooCostlyError`, which is the reason in
            the trial's file. Defaults to `None`.
        max_positions: int; on larger maps, positions are not compared in pairs.
            Defaults to `1024`.
        epochs: int, passes over the images, where neither the tuner nor
            `search` says how many. Defaults to `10`.
        batch_size: int, for arrays and `Examples`. Defaults to `32`.
        folds: int, number of parts of the training data, each of which
            validates once; `None` takes validation data. Defaults to `None`.
        seeds: int, how often a trial is repeated, with `seed`, `seed + 1` ...;
            either this or `folds`. KerasTuner's `executions_per_trial` would
            repeat the same numbers. Defaults to `1`.
        seed: int, for weights and order. All trials share it. Building a model
            sets the global seeds. Defaults to `0`.
        loss: str or `keras.losses.Loss`; `None` takes cross-entropy, binary for
            several labels an image. Defaults to `None`.
        metrics: tuple or list of Keras metrics by key or as objects, which are
            copied. They get probabilities, unless `base` gives logits. Defaults
            to `("accuracy",)`.
        multi_label: bool, whether an image can have several classes. Defaults
            to `False`.
        restore_best: str, a metric such as `"val_accuracy"`: training ends with
            the weights of its best epoch. `None` keeps the last epoch, which
            needs no choice that validation data make look too good. Defaults to
            `None`.
        name: str, of the hypermodel. Defaults to `"attention"`.

    Raises:
        ValueError: For arguments out of range, a `base` that cannot be
            attached to, and places where no mechanism fits.

    Example:

    >>> hypermodel = AttentionHyperModel(
    ...     (32, 32, 1), 3, mechanisms=["se", "gate"], places=["block3"],
    ...     choices={"width_multiplier": 1 / 16, "optimizer": "adamw"},
    ... )
    >>> model = hypermodel.build(keras_tuner.HyperParameters())
    >>> model.output_shape
    (None, 3)

    Cost:
        Making one builds the plain network once a width.
    """

    def __init__(
        self,
        input_shape=None,
        classes=None,
        base="vgg16_bn",
        *,
        mechanisms=None,
        places=None,
        several=True,
        choices=None,
        max_overhead=None,
        max_positions=1024,
        epochs=10,
        batch_size=32,
        folds=None,
        seeds=1,
        seed=0,
        loss=None,
        metrics=("accuracy",),
        multi_label=False,
        restore_best=None,
        name="attention",
    ):
        super().__init__(name=name)
        self.several = arguments.boolean("several", several)
        self.epochs = arguments.positive_int("epochs", epochs)
        self.batch_size = arguments.positive_int("batch_size", batch_size)
        self.folds = _check_folds(folds)
        self.seeds = arguments.positive_int("seeds", seeds)
        self.seed = arguments.non_negative_int("seed", seed)
        self.multi_label = arguments.boolean("multi_label", multi_label)
        self.restore_best = restore_best
        if folds is not None and seeds > 1:
            raise ValueError(
                "A trial is repeated over folds or over seeds. Received: "
                f"folds={folds} and seeds={seeds}"
            )
        self.choices = check_choices(choices)
        self.base = make_base(
            base, input_shape, classes, places, self.choices, multi_label
        )
        check_outputs(self.base, multi_label, metrics)
        self.budget = None
        if max_overhead is not None:
            self.budget = Budget(self.base, max_overhead)
        self.options = attention_options(
            self.base.sites,
            mechanisms,
            self.choices,
            max_positions,
            self.budget and self.budget.allows,
        )
        self.loss = _serialized(keras.losses, loss)
        self.metrics = [_serialized(keras.metrics, m) for m in metrics]

    def space(self, hp):
        """What is drawn, without building anything.

        Returns:
            `{"attention": ..., "network": ..., "training": ...}` of the three
            functions in `space.spaces`.
        """
        before = len(hp.inactive_scopes)
        drawn = {
            "attention": attention_space(hp, self.options, self.several),
            "network": {},
            "training": training_space(hp, self.choices),
        }
        if self.base.has_width:
            drawn["network"] = network_space(hp, self.choices)
        # All is declared: KerasTuner need not build a network for every
        # scope to see what is in it.
        del hp.inactive_scopes[before:]
        return drawn

    def space_size(self):
        """The number of different configurations, `None` if infinite."""
        return size_of(self.space)

    def metric_names(self):
        """Names of all numbers that `fit` may return, known beforehand.

        `None` for a subclass with a `build` or a `fit` of its own.
        """
        own, kind = type(self), AttentionHyperModel
        if (own.fit, own.build) != (kind.fit, kind.build):
            return None
        compiled = ["loss", *map(_name_of, self.metrics)]
        names = [*compiled, *(f"val_{name}" for name in compiled)]
        names += ["seconds", "accuracy_per_gflop", "attention_energy"]
        kind = "fold" if self.folds else "seed"
        repeats = self.folds or self.seeds
        if repeats > 1:
            ends = ["spread", *(f"{kind}{number}" for number in range(repeats))]
            names += [f"{name}_{end}" for name in names for end in ends]
        return {*names, *COSTS, "parameters", "flops"}

    def build(self, hp):
        """The compiled network of what is drawn."""
        return self._compiled(self.space(hp), self.seed)

    def build_from_values(self, values, seed=None):
        """The compiled network of given hyperparameters.

        Args:
            values: dict of name to value, as of a finished trial; KerasTuner's
                own, such as `"tuner/epochs"`, are left out.
            seed: int, for its weights; `None` takes that of the hypermodel.
                Defaults to `None`.

        Raises:
            ValueError: For names that are unknown, missing or inactive, and
                for values that cannot be drawn.
        """
        drawn = self.check_values(values)
        return self._compiled(drawn, self.seed if seed is None else seed)

    def check_values(self, values):
        """What `space` draws with given hyperparameters, without a network.

        Args:
            values: dict of name to value, as for `build_from_values`, which
                raises for the same reasons.
        """
        hp = keras_tuner.HyperParameters()
        hp.values = {
            name: value
            for name, value in values.items()
            if not name.startswith("tuner/")
        }
        given = dict(hp.values)
        drawn = self.space(hp)
        check_values(hp, given)
        return drawn

    def baselines(self, values):
        """What the attention of a trial has to be better than.

        Args:
            values: dict, the trial's hyperparameters.

        Returns:
            Dictionary of the same hyperparameters without attention,
            `"plain"`, and with the even pooling of the same places,
            `"uniform"`, if those take it; without what `values` are already.
            `retrain(values=...)` and `build_from_values` take them.
        """
        own = {n: v for n, v in values.items() if not n.startswith("tuner/")}
        found = {
            name: exchanged(own, self.options, mechanism, self.several)
            for name, mechanism in (("plain", NONE), ("uniform", UNIFORM))
        }
        return {
            name: baseline
            for name, baseline in found.items()
            if baseline not in (None, own)
        }

    def fit(self, hp, model, *args, **kwargs):
        """Trains and judges the network of a trial.

        Args:
            hp: `keras_tuner.HyperParameters` of the trial.
            model: `keras.Model`, what `build` returned.
            *args: the training data: arrays `x, y`, `Examples`, or batches of
                pairs or of dictionaries with `"image"` and `"label"`.
            **kwargs: `validation_data`, the same; with `"mask"` beside
                `"image"` the attention is judged too. The rest is for
                `keras.Model.fit`. `epochs` is that of the schedule.

        Returns:
            Dictionary of numbers. The metrics in the last epoch,
            and with `val_` those of the trained model on the validation data;
            `parameters` and `flops` of the network; `seconds` of training;
            `accuracy_per_gflop`, validation accuracy for a billion operations
            an image; `attention_energy`, the mean share of the attention on
            the object. Repeated over seeds or folds: their means, and for
            every `name` also `name_spread`, the largest less the smallest,
            and `name_seed0` ... or `name_fold0` ...

        Raises:
            ValueError: Without validation data, with both it and folds, and
                for labels that do not go with the classes. It ends the search.
        """
        data, validation, kwargs = read_arguments(args, kwargs)
        kwargs = self._fit_arguments(hp, kwargs)
        for name, part in (("train", data), ("validation", validation)):
            if part is not None:
                check_labels(
                    name,
                    part,
                    self.base.classes,
                    self.multi_label,
                    own_loss=self.loss is not None,
                )
        drawn = self.space(hp)
        repeats = self.folds or self.seeds
        if repeats > 1:
            # What was continued would have seen what other folds hold back.
            continued, kwargs["initial_epoch"] = kwargs["initial_epoch"], 0
        else:
            continued = 0
        results, names = [], []
        for run in runs_of(
            data,
            validation,
            fold_count=self.folds,
            seeds=self.seeds,
            seed=self.seed,
            batch_size=kwargs["batch_size"],
        ):
            if results or continued:
                model = self._compiled(drawn, run.seed)
            results.append(
                train(model, drawn["training"], run, kwargs, self.restore_best)
            )
            names.append(run.name)
        return summary_of(results, names) if repeats > 1 else results[0]

    def _compiled(self, drawn, seed):
        # Counted before the seed is set: it may build the plain network.
        bounded = self.budget is not None and drawn["attention"]
        plain = self.budget.plain(drawn["network"]) if bounded else None
        keras.utils.set_random_seed(seed)
        model = self.base.build(drawn["attention"], drawn["network"])
        if bounded:
            self.budget.check(model, plain)
        model.compile(
            make_optimizer(drawn["training"]),
            _made(keras.losses, self.loss) or self._default_loss(),
            metrics=[_made(keras.metrics, m) for m in self.metrics],
        )
        return model

    def _default_loss(self):
        # Names of losses expect probabilities, which not every base gives.
        logits = self.base.gives_logits
        if self.multi_label:
            return keras.losses.BinaryCrossentropy(from_logits=logits)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)

    def _fit_arguments(self, hp, kwargs):
        kwargs = dict(kwargs)
        # Hyperband's own `fit` arguments are those of its trials.
        epochs = hp.values.get("tuner/epochs", self.epochs)
        kwargs.setdefault("epochs", epochs)
        kwargs.setdefault(
            "initial_epoch", hp.values.get("tuner/initial_epoch", 0)
        )
        kwargs.setdefault("batch_size", self.batch_size)
        kwargs["batch_size"] = kwargs["batch_size"] or self.batch_size
        return kwargs


def _check_folds(folds):
    arguments.positive_int("folds", folds, optional=True)
    if folds == 1:
        raise ValueError(
            arguments.invalid("folds", folds, "at least 2 or None")
        )
    return folds


def _serialized(module, what):
    """A key as it is, an object as its configuration."""
    if what is None or isinstance(what, str):
        return what
    return module.serialize(what)


def _name_of(metric):
    """The name of a metric, of what `_serialized` returned."""
    made = _made(keras.metrics, metric)
    if isinstance(made, str):
        return made
    return getattr(made, "name", None) or made.__name__


def _made(module, what):
    if what is None or (isinstance(what, str) and module is keras.metrics):
        return what
    return module.get(what)
