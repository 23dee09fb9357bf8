"""A search whose workers are SLURM jobs of their own, submitted by Dask.

    pip install 'keras-visual-attention[distributed]' dask-jobqueue
    python examples/slurm/jobqueue.py --dataset cifar10 --size 32 \\
        --mechanisms all --tuner hyperband --trials 60 --epochs 30

Runs where jobs are submitted, a login machine or a small job; every worker is
a job with a GPU, and starts when SLURM has room for it. A worker whose time is
over is submitted again. The arguments are those of examples/search.py, its
`--workers` excepted. PBS, LSF, SGE and others have a class of their own in
`dask_jobqueue`.
"""

import pathlib
import sys

import dask_jobqueue
import distributed

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import search

WORKERS = 8  # jobs at a time, fewer while SLURM has no room


def make_cluster():
    """Adapt this: what a job asks for, and what it runs first."""
    return dask_jobqueue.SLURMCluster(
        job_name="search-worker",
        cores=1,  # threads of a worker: one trial at a time
        job_cpu=8,
        memory="32GB",
        walltime="08:00:00",
        job_extra_directives=["--gpus=1"],
        job_script_prologue=[
            "source .venv/bin/activate",
            "export PYTHONPATH=examples",
            "export TF_FORCE_GPU_ALLOW_GROWTH=true",
            "export XLA_PYTHON_CLIENT_PREALLOCATE=false",
        ],
        log_directory="runs/workers",
        # A memory limit of Dask's own would end trials that SLURM allows.
        worker_extra_args=["--memory-limit", "0", "--no-dashboard"],
    )


def main():
    with make_cluster() as cluster, distributed.Client(cluster) as client:
        cluster.adapt(minimum=0, maximum=WORKERS)
        return search.main(client, at_a_time=WORKERS)


if __name__ == "__main__":
    sys.exit(main())
