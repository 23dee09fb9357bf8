"""Recipes that log a search to MLflow and to Weights & Biases.

Both through their public clients, neither of which is a dependency.
"""

import importlib

_ENDED = ("COMPLETED", "FAILED", "INVALID")


def to_mlflow(result, client=None, experiment=None):
    """Logs every trial that has ended as a run of MLflow.

    Hyperparameters become parameters, metrics become metrics; a trial without
    a score is a failed run with its reason in the tag `reason`.

    Args:
        result: `SearchResult`.
        client: `mlflow.MlflowClient`; `None` takes one for the tracking server
            of the environment. Defaults to `None`.
        experiment: str, the experiment's name, made if there is none of it;
            `None` takes that of the folder. Defaults to `None`.

    Returns:
        The runs' ids. Calling it twice logs the trials twice.

    Raises:
        ImportError: Without a client, if MLflow is not installed.
    """
    if client is None:
        client = _imported("mlflow", "to_mlflow").MlflowClient()
    name = experiment or result.directory.resolve().name
    found = client.get_experiment_by_name(name)
    identifier = (
        found.experiment_id if found else client.create_experiment(name)
    )
    runs = []
    for trial in _ended(result):
        tags = {
            "mlflow.runName": f"trial {trial.name}",
            "objective": f"{result.direction} {result.objective}",
        }
        if trial.reason:
            tags["reason"] = trial.reason
        run = client.create_run(identifier, tags=tags).info.run_id
        for key, value in trial.values.items():
            client.log_param(run, key, value)
        for key, value in _told(trial).items():
            client.log_metric(run, key, value)
        status = "FAILED" if trial.reason else "FINISHED"
        client.set_terminated(run, status=status)
        runs.append(run)
    return runs


def to_wandb(result, project=None, **options):
    """Logs every trial that has ended as a run of Weights & Biases.

    Args:
        result: `SearchResult`.
        project: str, the project; `None` takes the name of the folder. Defaults
            to `None`.
        **options: for `wandb.init`, for instance `entity` or `mode="offline"`.

    Returns:
        The runs' ids. Calling it twice logs the trials twice.

    Raises:
        ImportError: If W&B is not installed.
    """
    wandb = _imported("wandb", "to_wandb")
    folder = result.directory.resolve().name
    runs = []
    for trial in _ended(result):
        run = wandb.init(
            project=project or folder,
            group=folder,
            name=f"trial {trial.name}",
            config=trial.values,
            **options,
        )
        run.log(_told(trial))
        run.summary["objective"] = f"{result.direction} {result.objective}"
        if trial.reason:
            run.summary["reason"] = trial.reason
        run.finish(exit_code=1 if trial.reason else 0)
        runs.append(run.id)
    return runs


def _ended(result):
    # A running trial may still change, a damaged file has nothing to tell.
    trials = result.finished + result.unfinished
    return [trial for trial in trials if trial.status in _ENDED]


def _told(trial):
    return {k: v for k, v in trial.metrics.items() if v is not None}


def _imported(name, function):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{function} needs a package that is not installed: pip install "
            f"{name}"
        ) from error
