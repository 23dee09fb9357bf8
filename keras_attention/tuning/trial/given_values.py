"""Hyperparameters that are given instead of drawn, checked."""


def check_values(hp, given):
    """Raises a `ValueError` unless there is one value for all that is active.

    Args:
        hp: `keras_tuner.HyperParameters` in which the space was declared.
        given: dict of name to value.
    """
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
