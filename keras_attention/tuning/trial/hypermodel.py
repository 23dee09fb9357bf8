"""A network whose attention, width and training are drawn by a tuner."""

import keras
import keras_tuner

from keras_attention.internals import arguments
from keras_attention.tuning.space.bases import make_base
from keras_attention.tuning.space.choices import check_choices
from keras_attention.tuning.space.choices import check_names
from keras_attention.tuning.space.combinations import describe_space
from keras_attention.tuning.space.combinations import size_of
from keras_attention.tuning.space.mechanisms import NONE
from keras_attention.tuning.space.mechanisms import UNIFORM
from keras_attention.tuning.space.mechanisms import classes_of_others
from keras_attention.tuning.space.mechanisms import register_again
from keras_attention.tuning.space.options import attention_names
from keras_attention.tuning.space.options import attention_options
from keras_attention.tuning.space.spaces import attention_space
from keras_attention.tuning.space.spaces import exchanged
from keras_attention.tuning.space.spaces import network_space
from keras_attention.tuning.space.spaces import other_names
from keras_attention.tuning.space.spaces import training_space
from keras_attention.tuning.trial.budget import Budget
from keras_attention.tuning.trial.data import read_arguments
from keras_attention.tuning.trial.data import runs_of
from keras_attention.tuning.trial.given_values import made_of
from keras_attention.tuning.trial.given_values import own_values
from keras_attention.tuning.trial.labels import check_class_weight
from keras_attention.tuning.trial.labels import check_labels
from keras_attention.tuning.trial.schedule import check_callbacks
from keras_attention.tuning.trial.schedule import is_drawn
from keras_attention.tuning.trial.schedule import make_optimizer
from keras_attention.tuning.trial.task import Task
from keras_attention.tuning.trial.training import result_names
from keras_attention.tuning.trial.training import summary_of
from keras_attention.tuning.trial.training import train


class AttentionHyperModel(keras_tuner.HyperModel):
    """Which attention, where, and how to train it, as a `HyperModel`.

    `keras_attention.tuning.search` and every tuner of KerasTuner take it.
    What is drawn is described in `space.spaces`; combinations that cannot work
    are never drawn. The plain network is in the space, and is the default.

    Until `choices` say otherwise, a mechanism is drawn at every place and one
    learning rate: see `describe_space`. A subclass may override `build`: what
    it returns is what every seed and every fold trains, with its own optimizer.

    Args:
        input_shape: tuple, of the images, sizes known. `None` takes that of
            `base`, or those of its several inputs. Defaults to `None`.
        classes: int, number of classes, or of outputs. `None` takes that of
            `base`. Defaults to `None`.
        base: str or `keras.Model`, `"vgg16_bn"`, with random weights, into
            which attention is inserted and which it taps (see
            `VGG16BNAttention`); or a functional network, behind whose layers it
            is attached (see `attach`), or which pools a map in place of a
            `GlobalAveragePooling2D` that alone takes it: a classifier, or with
            its `loss` any other, of several inputs and outputs too. Every trial
            starts from the weights of such a base. Defaults to `"vgg16_bn"`.
        mechanisms: str or list of str, keys and families of
            `keras_attention.layers`, `"uniform"`, the even pooling of a place,
            and `"all"`. `None` takes `MECHANISMS`, one of each kind, so that
            20 trials can compare them, and the layers that others have
            registered. Defaults to `None`.
        places: str or list of str, layers and blocks. `None` takes blocks 3 to
            5, or of a functional base the last layer at each map size. Defaults
            to `None`.
        several: bool, whether several places may have attention at once.
            Defaults to `True`.
        choices: dict, what to draw from: names to a list, a tuple `(low,
            high)`, a single value, which is not searched, or `None` for the
            usual values; `dict.fromkeys(LAYER_CHOICES)` draws all arguments.
            The names are those of results, `"block3_se_reduction_ratio"`, or
            their ends, `"se_reduction_ratio"` and `"reduction_ratio"`: the
            longest counts. `"block3_attention"` are the mechanisms of a place.
            `"optimizer"` takes keys of `keras.optimizers`, or a function of
            `hp` that returns one and draws what it needs. Defaults to `None`.
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
        loss: str, callable or `keras.losses.Loss`, or a list or a dict of them
            for several outputs, as `compile` takes it; objects are copied.
            `None` takes cross-entropy, binary for several labels an image and
            for one output with a sigmoid. Defaults to `None`.
        metrics: list of Keras metrics by key, as functions or as objects, which
            are copied, or what `compile` takes for several outputs. They get
            probabilities, unless `base` gives logits. `None` takes the accuracy
            of classes, and nothing beside the loss of other outputs. Defaults
            to `None`.
        multi_label: bool, whether an image can have several classes. Defaults
            to `False`.
        activation: str, of the last layer of `"vgg16_bn"`: `"softmax"`,
            `"sigmoid"` or `"linear"`, for a regression or logits. `None` takes
            softmax, or with `multi_label` sigmoid. Defaults to `None`.
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
        metrics=None,
        multi_label=False,
        activation=None,
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
        arguments.boolean("multi_label", multi_label)
        self.restore_best = restore_best
        if folds is not None and seeds > 1:
            raise ValueError(
                "A trial is repeated over folds or over seeds. Received: "
                f"folds={folds} and seeds={seeds}"
            )
        self.choices = check_choices(choices)
        of_base = (places, self.choices, multi_label, activation)
        self.base = make_base(base, input_shape, classes, *of_base)
        self.task = Task(self.base, multi_label, loss, metrics)
        self.budget = None
        if max_overhead is not None:
            self.budget = Budget(self.base, max_overhead)
        self.options = attention_options(
            self.base.sites,
            mechanisms,
            {**self.base.choices, **self.choices},
            max_positions,
            self.budget and self.budget.allows,
        )
        names = attention_names(self.options)
        check_names(self.choices, [*other_names(self.choices), *names])

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
        if self._own_optimizer:
            self._own_optimizer(hp)
        return drawn

    def space_size(self):
        """The number of different configurations, `None` if infinite.

        `None` too for a subclass with a `build` of its own, which may draw
        more than `space`.
        """
        return None if self._overrides("build") else size_of(self.space)

    def describe_space(self):
        """What a search costs, in words: see `combinations.describe_space`."""
        return describe_space(self._drawing)

    def metric_names(self):
        """Names of all numbers that `fit` may return, known beforehand.

        `None` for a subclass with a `build` or a `fit` of its own.
        """
        if self._overrides("build", "fit"):
            return None
        kind = "fold" if self.folds else "seed"
        compiled = self.task.metric_names()
        return result_names(compiled, kind, self.folds or self.seeds)

    def build(self, hp):
        """The compiled network of what is drawn."""
        drawn = self.space(hp)
        # Counted before the seed is set: it may build the plain network.
        bounded = self.budget is not None and drawn["attention"]
        plain = self.budget.plain(drawn["network"]) if bounded else None
        keras.utils.set_random_seed(self.seed)
        model = self.base.build(drawn["attention"], drawn["network"])
        if bounded:
            self.budget.check(model, plain)
        if self._own_optimizer:
            optimizer = self._own_optimizer(hp)
        else:
            optimizer = make_optimizer(drawn["training"])
        model.compile(optimizer, **self.task.compile_arguments())
        return model

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
        seed = self.seed if seed is None else seed
        if not self._overrides("build"):
            self.check_values(values)  # before anything is built
        return made_of(values, lambda hp: self._built(hp, seed))

    def check_values(self, values):
        """Raises unless a network can be built of given hyperparameters.

        Without building one, but for a subclass with a `build` of its own.

        Args:
            values: dict of name to value, as for `build_from_values`, which
                raises for the same reasons.
        """
        made_of(values, self._drawing)

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
        own = own_values(values)
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
            *args: the training data: arrays `x, y`, `(x, y, weights)`,
                `Examples`, or batches of tuples or of dictionaries with
                `"image"`, `"label"` and maybe `"weight"`.
            **kwargs: `validation_data`, the same; with `"mask"` beside
                `"image"` the attention is judged too. The rest is for
                `keras.Model.fit`, `class_weight`, `sample_weight` and
                `validation_steps` among it. `epochs` is that of the schedule.

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
            ValueError: Without validation data, with both it and folds, for
                data without end and without their steps, for labels and
                weights that do not go with the outputs, and for a callback
                that sets the learning rate beside a schedule. It ends the
                search.
        """
        defaults = {
            # Hyperband's own `fit` arguments are those of its trials.
            "epochs": hp.values.get("tuner/epochs", self.epochs),
            "initial_epoch": hp.values.get("tuner/initial_epoch", 0),
            "batch_size": self.batch_size,
        }
        data, validation, kwargs = read_arguments(args, {**defaults, **kwargs})
        kwargs["batch_size"] = kwargs["batch_size"] or self.batch_size
        kind, classes = self.task.labels, self.task.classes
        if self._overrides("build"):
            kind = "any"  # Whatever its loss takes.
        for name, part in (("train", data), ("validation", validation)):
            if part is not None:
                check_labels(name, part, kind, classes)
        training = None
        if is_drawn(model.optimizer):
            training = self.space(hp)["training"]
            check_callbacks(kwargs.get("callbacks"), self.choices)
        repeats, continued = self.folds or self.seeds, 0
        if repeats > 1:
            # What was continued would have seen what other folds hold back.
            continued, kwargs["initial_epoch"] = kwargs["initial_epoch"], 0
        given, results, names = model, [], []
        for run in runs_of(
            data,
            validation,
            fold_count=self.folds,
            seeds=self.seeds,
            seed=self.seed,
            batch_size=kwargs["batch_size"],
        ):
            check_class_weight(
                kwargs.get("class_weight"), run.train, kind, classes
            )
            if results or continued:
                model = self._built(hp, run.seed)
            results.append(
                train(model, training, run, kwargs, self.restore_best)
            )
            names.append(run.name)
            if continued and len(results) == 1:
                # Whose weights are kept, and were another round's until now.
                given.set_weights(model.get_weights())
        return summary_of(results, names) if repeats > 1 else results[0]

    def _built(self, hp, seed):
        """What `build` makes, a subclass's too, with another seed."""
        # Not in a copy: KerasTuner binds `build` to the original.
        before, self.seed = self.seed, seed
        try:
            keras.utils.set_random_seed(seed)
            return self.build(hp)
        finally:
            self.seed = before

    def _overrides(self, *names):
        return any(
            getattr(type(self), n) is not getattr(AttentionHyperModel, n)
            for n in names
        )

    @property
    def _drawing(self):
        """What draws all there is, without building a network if it can."""
        return self.build if self._overrides("build") else self.space

    @property
    def _own_optimizer(self):
        """The function of `hp` that makes one, or `None`."""
        given = self.choices.get("optimizer")
        return given if callable(given) else None

    def __getstate__(self):
        # Another process may not have imported the layers of others.
        return {**self.__dict__, "_others": classes_of_others()}

    def __setstate__(self, state):
        register_again(state.pop("_others"))
        self.__dict__.update(state)


def _check_folds(folds):
    arguments.positive_int("folds", folds, optional=True)
    if folds == 1:
        raise ValueError(
            arguments.invalid("folds", folds, "at least 2 or None")
        )
    return folds
