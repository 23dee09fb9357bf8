"""A network whose attention, width and training are drawn by a tuner."""

import dataclasses
import operator
import statistics
import time

import keras
import keras_tuner

from keras_attention import arguments
from keras_attention.costs import Costs
from keras_attention.costs import count_costs
from keras_attention.tuning import space
from keras_attention.tuning.agreement import mean_attention_energy
from keras_attention.tuning.combinations import size_of
from keras_attention.tuning.options import attention_options
from keras_attention.tuning.options import layer_of
from keras_attention.tuning.schedule import WarmUpSchedule
from keras_attention.tuning.schedule import make_optimizer
from keras_attention.tuning.sites import FunctionalBase
from keras_attention.tuning.sites import VGGBase
from keras_attention.tuning.trial_data import read_arguments
from keras_attention.tuning.trial_data import rewind
from keras_attention.tuning.trial_data import runs_of
from keras_attention.tuning.trial_data import steps_of

_COSTS = [field.name for field in dataclasses.fields(Costs)]


class TooCostlyError(keras_tuner.errors.FailedTrialError):
    """A network was drawn that costs more than `max_overhead` allows."""


class AttentionHyperModel(keras_tuner.HyperModel):
    """Which attention, where, and how to train it, as a `HyperModel`.

    `keras_attention.tuning.search` and every tuner of KerasTuner take it.
    What is drawn is described in `space.py`; combinations that cannot work
    are never drawn. The plain network is in the space, and is the default.

    Args:
        input_shape: Of the images, sizes known. `None` takes that of `base`.
        classes: Number of classes. `None` takes that of `base`.
        base: `"vgg16_bn"`, with random weights, into which attention is
            inserted and which it taps (see `VGG16BNAttention`); or a
            functional classifier, behind whose layers it is attached (see
            `attach`). Every trial starts from the weights of such a base.
        mechanisms: Keys and families of `keras_attention.layers`, and
            `"uniform"`, the even pooling of a place. `None` takes all.
        places: Layers and blocks. `None` takes blocks 3 to 5, or of a
            functional base the last layer at each map size.
        several: Whether several places may have attention at once.
        choices: Other values to draw from: dictionary of the names in
            `options.LAYER_CHOICES`, `space.NETWORK_CHOICES` and
            `space.TRAINING_CHOICES` to a list, a tuple `(low, high)` or a
            single value, which is not searched.
        max_overhead: Bounds what attention may cost beside the plain network
            of the same width: 0.1 allows 10 % more FLOPs. A dictionary bounds
            `"flops"`, `"parameters"` and `"activation_bytes"`. A mechanism
            that is too costly by itself is never drawn. Several that are so
            together are refused in `build`, before any training, by a
            `TooCostlyError`, which is the reason in the trial's file.
        max_positions: On larger maps, positions are not compared in pairs.
        epochs: Passes over the images, where neither the tuner nor `search`
            says how many.
        batch_size: For arrays and `Examples`.
        folds: Number of parts of the training data, each of which validates
            once; `None` takes validation data.
        seeds: How often a trial is repeated, with `seed`, `seed + 1` ...;
            either this or `folds`. KerasTuner's `executions_per_trial` would
            repeat the same numbers.
        seed: For weights and order. All trials share it. Building a model
            sets the global seeds.
        loss: A Keras loss; `None` takes cross-entropy, binary for several
            labels an image.
        metrics: Keras metrics by key or as objects, which are copied. They
            get probabilities, unless `base` gives logits.
        multi_label: Whether an image can have several classes.
        restore_best: A metric such as `"val_accuracy"`: training ends with
            the weights of its best epoch. `None` keeps the last epoch, which
            needs no choice that validation data make look too good.
        name: Of the hypermodel.

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
        self.max_overhead = _check_overhead(max_overhead)
        if folds is not None and seeds > 1:
            raise ValueError(
                "A trial is repeated over folds or over seeds. Received: "
                f"folds={folds} and seeds={seeds}"
            )
        self.choices = space.check_choices(choices)
        self.base = self._make_base(base, input_shape, classes, places)
        self._check_outputs(metrics)
        self._plain_costs = {}
        self.options = attention_options(
            self.base.sites,
            mechanisms,
            self.choices,
            max_positions,
            self._is_affordable if self.max_overhead else None,
        )
        self.loss = _serialized(keras.losses, loss)
        self.metrics = [_serialized(keras.metrics, m) for m in metrics]

    def space(self, hp):
        """What is drawn, without building anything.

        Returns:
            `{"attention": ..., "network": ..., "training": ...}` of the three
            functions in `space.py`.
        """
        before = len(hp.inactive_scopes)
        drawn = {
            "attention": space.attention_space(hp, self.options, self.several),
            "network": {},
            "training": space.training_space(hp, self.choices),
        }
        if isinstance(self.base, VGGBase):
            drawn["network"] = space.network_space(hp, self.choices)
        # All is declared: KerasTuner need not build a network for every
        # scope to see what is in it.
        del hp.inactive_scopes[before:]
        return drawn

    def space_size(self):
        """The number of different configurations, `None` if infinite."""
        return size_of(self.space)

    def build(self, hp):
        """The compiled network of what is drawn."""
        return self._compiled(self.space(hp), self.seed)

    def build_from_values(self, values, seed=None):
        """The compiled network of given hyperparameters.

        Args:
            values: Dictionary of name to value, as of a finished trial;
                KerasTuner's own, such as `"tuner/epochs"`, are left out.
            seed: For its weights; `None` takes that of the hypermodel.

        Raises:
            ValueError: For names that are unknown, missing or inactive, and
                for values that cannot be drawn.
        """
        hp = keras_tuner.HyperParameters()
        hp.values = {
            name: value
            for name, value in values.items()
            if not name.startswith("tuner/")
        }
        given = dict(hp.values)
        drawn = self.space(hp)
        _check_values(hp, given)
        return self._compiled(drawn, self.seed if seed is None else seed)

    def fit(self, hp, model, *args, **kwargs):
        """Trains and judges the network of a trial.

        Args:
            hp: The trial's hyperparameters.
            model: What `build` returned.
            *args: The training data: arrays `x, y`, `Examples`, or batches of
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
            ValueError: Without validation data, and with both it and folds.
                It ends the search.
        """
        train, validation, kwargs = read_arguments(args, kwargs)
        kwargs = self._fit_arguments(hp, kwargs)
        drawn = self.space(hp)
        repeats = self.folds or self.seeds
        if repeats > 1:
            # What was continued would have seen what other folds hold back.
            continued, kwargs["initial_epoch"] = kwargs["initial_epoch"], 0
        else:
            continued = 0
        results, names = [], []
        for run in runs_of(
            train,
            validation,
            fold_count=self.folds,
            seeds=self.seeds,
            seed=self.seed,
            batch_size=kwargs["batch_size"],
        ):
            if results or continued:
                model = self._compiled(drawn, run.seed)
            results.append(self._train(model, drawn, run, kwargs))
            names.append(run.name)
        return _summary(results, names) if repeats > 1 else results[0]

    def _make_base(self, base, input_shape, classes, places):
        if isinstance(places, str):
            places = [places]
        if places is not None and not list(places):
            raise ValueError(
                arguments.invalid("places", places, "at least one or None")
            )
        if isinstance(base, str):
            arguments.one_of("base", base, ("vgg16_bn",))
            arguments.positive_int("classes", classes)
            _check_shape(input_shape)
            return VGGBase(
                input_shape,
                classes,
                "sigmoid" if self.multi_label else "softmax",
                places,
                _widths(self.choices),
            )
        made = FunctionalBase(base, places)
        for name, given, own in (
            (
                "input_shape",
                input_shape and tuple(input_shape),
                made.input_shape,
            ),
            ("classes", classes, made.classes),
        ):
            if given is not None and given != own:
                expected = f"{own}, that of base, or None"
                raise ValueError(arguments.invalid(name, given, expected))
        _check_shape(made.input_shape)
        unused = sorted(set(space.NETWORK_CHOICES) & set(self.choices))
        if unused:
            raise ValueError(
                "A functional base has its width and its dropout. Received: "
                f"choices of {', '.join(unused)}"
            )
        return made

    def _compiled(self, drawn, seed):
        plain = self._plain(drawn["network"]) if self.max_overhead else None
        keras.utils.set_random_seed(seed)
        model = self.base.build(drawn["attention"], drawn["network"])
        if drawn["attention"] and plain is not None:
            self._refuse_costly(count_costs(model).total, plain)
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

    def _check_outputs(self, metrics):
        """Refuses what would be wrong without a word."""
        if self.base.classes < 2 and not self.multi_label:
            raise ValueError(
                "One output is a label by itself: pass multi_label=True and "
                "labels of shape (batch, 1), or make two classes. Received: "
                f"classes={self.base.classes}"
            )
        keys = [metric for metric in metrics if isinstance(metric, str)]
        if keys and self.multi_label and self.base.gives_logits:
            raise ValueError(
                "Metrics by key compare several labels with 0.5, which is no "
                "threshold for logits. Give base a sigmoid, or metrics that "
                "take logits, such as keras.metrics.AUC(from_logits=True). "
                f"Received: metrics={keys}"
            )

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

    def _train(self, model, drawn, run, kwargs):
        kwargs = dict(kwargs)
        batch_size = kwargs.pop("batch_size")
        steps = steps_of(run.train, batch_size, kwargs.get("steps_per_epoch"))
        training = drawn["training"]
        model.optimizer.learning_rate = WarmUpSchedule(
            training["learning_rate"],
            steps * kwargs["epochs"],
            training["warm_up"],
            training["schedule"],
            start=steps * kwargs["initial_epoch"],
        )
        callbacks = list(kwargs.pop("callbacks", None) or [])
        if self.restore_best:
            callbacks.append(
                keras.callbacks.EarlyStopping(
                    self.restore_best,
                    patience=kwargs["epochs"],
                    restore_best_weights=True,
                )
            )
        fitted = _as_arguments(run.train, batch_size)
        rewind(run.train, kwargs["initial_epoch"])
        keras.utils.set_random_seed(run.seed)
        start = time.perf_counter()
        history = model.fit(
            **fitted,
            validation_data=run.validation,
            callbacks=callbacks,
            **kwargs,
        ).history
        seconds = time.perf_counter() - start
        results = {
            name: values[-1]
            for name, values in history.items()
            if not name.startswith("val_") and name != "learning_rate"
        }
        # Of the model as it is now, whatever a callback restored.
        validation = model.evaluate(
            **_as_arguments(run.validation, batch_size),
            verbose=0,
            return_dict=True,
        )
        results |= {f"val_{name}": v for name, v in validation.items()}
        costs = count_costs(model).total
        results["parameters"] = costs.parameters
        results["flops"] = costs.flops
        results["seconds"] = seconds
        if "val_accuracy" in results:
            gflops = costs.flops / 1e9
            results["accuracy_per_gflop"] = results["val_accuracy"] / gflops
        if run.masked is not None:
            energy = mean_attention_energy(model, run.masked, batch_size)
            if energy is not None:
                results["attention_energy"] = energy
        return {name: float(value) for name, value in results.items()}

    def _plain(self, network):
        """`Costs` of the network without attention, counted once a width."""
        key = network.get("width_multiplier")
        if key not in self._plain_costs:
            model = self.base.build({}, {**network, "dropout": 0.0})
            self._plain_costs[key] = count_costs(model).total
        return self._plain_costs[key]

    def _is_affordable(self, place, description):
        """Whether attention at one place, by itself, is within the bound."""
        site = self.base.sites[place]
        if isinstance(self.base, VGGBase):
            widths = _widths(self.choices)
            networks = [{"width_multiplier": width} for width in widths]
            # One map a width, in the same order.
            maps = [[shape] for shape in site.maps]
        else:
            networks, maps = [{}], [site.maps]
        for number, (network, shapes) in enumerate(
            zip(networks, maps, strict=True)
        ):
            plain = self._plain(network)
            query = site.queries[number] if site.queries else None
            added = [_layer_costs(description, s, query) for s in shapes]
            if self._excess(_sum_of(plain, *added), plain):
                return False
        return True

    def _refuse_costly(self, costs, plain):
        excess = self._excess(costs, plain)
        if excess:
            raise TooCostlyError(f"too costly: {'; '.join(excess)}")

    def _excess(self, costs, plain):
        """What is above its bound, in words."""
        words = []
        for name, bound in self.max_overhead.items():
            own, of_plain = getattr(costs, name), getattr(plain, name)
            if own > (1 + bound) * of_plain:
                words.append(
                    f"{100 * (own / of_plain - 1):.1f} % more {name} than the "
                    f"plain network ({own:.3g} against {of_plain:.3g}), "
                    f"max_overhead allows {100 * bound:g} %"
                )
        return words


def _layer_costs(description, shape, query):
    """`Costs` of a layer by itself, on one image."""
    layer = layer_of(description)
    if isinstance(layer, keras.layers.GlobalAveragePooling2D):
        return Costs()
    inputs = {"features": _in_format(shape)}
    if layer.query_kind == "vector":
        inputs["query"] = query[2:]
    elif layer.query_kind == "map":
        inputs["query"] = _in_format(query)
    return count_costs(layer, inputs).total


def _in_format(shape):
    if keras.config.image_data_format() == "channels_first":
        return (shape[2], *shape[:2])
    return tuple(shape)


def _sum_of(*costs):
    return Costs(*(sum(map(operator.attrgetter(n), costs)) for n in _COSTS))


def _widths(choices):
    default = space.NETWORK_CHOICES["width_multiplier"]
    return choices.get("width_multiplier", default)


def _summary(results, names):
    """Means, spreads and the numbers themselves."""
    summary = {}
    for name in results[0]:
        values = [result.get(name) for result in results]
        if None in values:
            # Not in every fold is there an object to attend to.
            continue
        summary[name] = statistics.fmean(values)
        if name in _COSTS:
            continue
        summary[f"{name}_spread"] = max(values) - min(values)
        for run, value in zip(names, values, strict=True):
            summary[f"{name}_{run}"] = value
    return summary


def _as_arguments(data, batch_size):
    """Arrays as `x`, `y` and weights; batches as `x`."""
    if not isinstance(data, tuple):
        return {"x": data}
    names = ("x", "y", "sample_weight")
    arrays = dict(zip(names, data, strict=False))
    return {**arrays, "batch_size": batch_size}


def _check_values(hp, given):
    declared = {parameter.name: parameter for parameter in hp.space}
    active = {name for name in declared if hp.is_active(name)}
    problems = []
    for text, names in (
        ("unknown", set(given) - set(declared)),
        ("missing", active - set(given)),
        ("inactive", (set(given) & set(declared)) - active),
    ):
        if names:
            problems.append(f"{text}: {', '.join(sorted(names))}")
    for name in sorted(active & set(given)):
        parameter, value = declared[name], given[name]
        if hasattr(parameter, "min_value"):
            fits = parameter.min_value <= value <= parameter.max_value
        else:
            fits = value in parameter.values
        if not fits:
            problems.append(f"out of range: {name}={value!r}")
    if problems:
        raise ValueError(
            "Invalid value for argument values: expected one value for every "
            "active hyperparameter of the space. Received: "
            f"{'; '.join(problems)}"
        )


def _check_shape(shape):
    if shape is None or None in shape:
        expected = "(height, width, channels), all known"
        raise ValueError(arguments.invalid("input_shape", shape, expected))


def _check_folds(folds):
    arguments.positive_int("folds", folds, optional=True)
    if folds == 1:
        raise ValueError(
            arguments.invalid("folds", folds, "at least 2 or None")
        )
    return folds


def _check_overhead(bounds):
    if bounds is None:
        return None
    if not isinstance(bounds, dict):
        bounds = {"flops": bounds}
    for name, bound in bounds.items():
        arguments.one_of("max_overhead", name, _COSTS)
        arguments.positive_float("max_overhead", bound)
    return dict(bounds)


def _serialized(module, what):
    """A key as it is, an object as its configuration."""
    if what is None or isinstance(what, str):
        return what
    return module.serialize(what)


def _made(module, what):
    if what is None or (isinstance(what, str) and module is keras.metrics):
        return what
    return module.get(what)
